//! Hosts that other runs of this machine ask too: their pace is shared, and so are their pauses.
//!
//! A host with a delay takes its turn among the runs before each request. A host without one only obeys the pauses that
//! other runs were asked for, and looks for them a few times a second, so that it costs nothing per request.
//! The table that the runs share has a clock of its own, as they have it in common.

use std::time::{Duration, Instant};

use super::Workbench;
use super::addresses::HostIndex;
use crate::shared::SharedPace;
use crate::url::HostKey;

/// How often a host without a delay looks for pauses.
const LOOK_EVERY: Duration = Duration::from_millis(250);

impl Workbench {
    /// Shares the pace of hosts with other runs from now on.
    pub(in crate::frontier) fn share(&mut self, shared: SharedPace) {
        self.shared = Some(shared);
    }

    /// What the user should know about the shared pace, once.
    pub(in crate::frontier) fn take_notice(&mut self) -> Option<String> {
        self.shared.as_mut()?.take_notice()
    }

    /// The moment before which a host must not be asked; `None` if now is the time, and then it has to be.
    pub(super) fn not_before(&mut self, place: HostIndex, now: Instant) -> Option<Instant> {
        let host = self.hosts[place as usize].as_mut()?;
        if let Some(until) = host.held(now).or_else(|| host.departs_late(now)) {
            return Some(until);
        }
        // A check that succeeds counts as a request, so it is not made again after a wait for other runs.
        if !host.company.is_permitted
            && let Err(until) = host.pace.ask(now)
        {
            return Some(until);
        }
        let shared = self.shared.as_mut()?;
        let company = &mut host.company;
        let delay = host.pace.period();
        if delay.is_zero() {
            if company.look_at.is_some_and(|at| now < at) {
                return None;
            }
            company.look_at = Some(now + LOOK_EVERY);
            company.until = shared.pause(&host.key).filter(|until| *until > now);
            return company.until;
        }
        match shared.ask(&host.key, delay, false, &mut company.booking) {
            Ok(next) => {
                // The permit is from before the wait; the delay counts from now.
                company.resumes_at = company.is_permitted.then_some(next);
                company.is_permitted = false;
                None
            }
            Err(until) => {
                company.is_permitted = true;
                company.until = Some(until);
                Some(until)
            }
        }
    }

    /// Takes the turn of a leased job again, because the job could not be sent at once.
    ///
    /// Returns when the host may be asked next.
    ///
    /// # Errors
    /// When to come back with the job, because others came first.
    pub(in crate::frontier) fn ask_again(
        &mut self,
        key: &HostKey,
        now: Instant,
    ) -> Result<Instant, Instant> {
        let place = self.place(key, now);
        let host = self.hosts[place as usize]
            .as_mut()
            .expect("a place in the table is taken");
        let delay = host.pace.period();
        let Some(shared) = self.shared.as_mut().filter(|_| !delay.is_zero()) else {
            return Ok(now + delay);
        };
        let company = &mut host.company;
        let asked = shared.ask(key, delay, true, &mut company.booking);
        if let Err(until) = asked {
            company.is_permitted = true;
            company.until = Some(until);
        }
        asked
    }

    /// Tells other runs that a host asked to be left alone until a moment.
    pub(in crate::frontier) fn tell_others(&mut self, key: &HostKey, until: Instant) {
        if let Some(shared) = &mut self.shared {
            shared.tell(key, until);
        }
    }
}
