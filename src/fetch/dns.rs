//! Names to addresses: cached, asked once, never waited for without an end.
//!
//! `getaddrinfo` cannot be cancelled and says nothing of lifetimes. So: at most a few threads ask at a
//! time, one question a name however many wait, answers kept a minute and refusals ten seconds, and whoever waits
//! leaves at its own deadline. `localhost` and names under it are this machine (RFC 6761 6.3) without asking.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::fault;
use super::settings::Override;
use crate::address;

/// How long an answer is kept: `getaddrinfo` tells no lifetime, so it is a guess on the short side.
const KEEP_ANSWER: Duration = Duration::from_secs(60);
/// How long a refusal is kept.
const KEEP_REFUSAL: Duration = Duration::from_secs(10);
/// Questions at a time; the libc call blocks a thread each.
const THREADS: usize = 16;
/// Names kept at the most; a full cache forgets what is out of date, then everything.
const NAMES: usize = 100_000;
/// Addresses taken of one answer.
const ADDRESSES: usize = 16;

/// Why a name has no addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DnsError {
    /// The system said no.
    #[error("{0}")]
    Refused(Arc<str>),
    /// This machine could not ask: no thread, no file.
    #[error("{0}")]
    Shortage(Arc<str>),
    /// No answer in time.
    #[error("no answer within {}", crate::size::spelled(*.0))]
    Late(Duration),
    /// An address of the answer is private, and the name was not the user's.
    #[error("{0} is a private address")]
    Private(IpAddr),
}

type Answer = Result<Arc<[SocketAddr]>, DnsError>;

/// Names to addresses, for every thread of a run.
#[derive(Clone)]
pub(crate) struct Resolver {
    shared: Arc<Shared>,
}

struct Shared {
    overrides: Vec<Override>,
    within: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    names: HashMap<String, Name>,
    questions: VecDeque<String>,
    threads: usize,
}

enum Name {
    Known { answer: Answer, until: Instant },
    Asked(Vec<Waiter>),
}

enum Waiter {
    Task(oneshot::Sender<Answer>),
    Thread(SyncSender<Answer>),
}

enum Look {
    Known(Answer),
    Asked,
}

impl Resolver {
    /// `within` is how long one name may take; zero waits without an end.
    pub(crate) fn new(overrides: Vec<Override>, within: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                overrides,
                within,
                state: Mutex::default(),
            }),
        }
    }

    /// The addresses of a name; port 0 where the URL's own port is meant.
    pub(crate) async fn addresses(&self, name: &str) -> Result<Arc<[SocketAddr]>, DnsError> {
        let (sender, receiver) = oneshot::channel();
        match self.look(name, Waiter::Task(sender)) {
            Look::Known(answer) => answer,
            Look::Asked if self.shared.within.is_zero() => {
                receiver.await.unwrap_or_else(|_| Err(lost()))
            }
            Look::Asked => match tokio::time::timeout(self.shared.within, receiver).await {
                Ok(answer) => answer.unwrap_or_else(|_| Err(lost())),
                Err(_) => Err(DnsError::Late(self.shared.within)),
            },
        }
    }

    /// As [`addresses`](Self::addresses), for a thread that may block.
    pub(crate) fn addresses_blocking(&self, name: &str) -> Result<Arc<[SocketAddr]>, DnsError> {
        let (sender, receiver) = sync_channel(1);
        match self.look(name, Waiter::Thread(sender)) {
            Look::Known(answer) => answer,
            Look::Asked if self.shared.within.is_zero() => {
                receiver.recv().unwrap_or_else(|_| Err(lost()))
            }
            Look::Asked => match receiver.recv_timeout(self.shared.within) {
                Ok(answer) => answer,
                Err(_) => Err(DnsError::Late(self.shared.within)),
            },
        }
    }

    fn look(&self, name: &str, waiter: Waiter) -> Look {
        if let Some(answer) = self.without_asking(name) {
            return Look::Known(answer);
        }
        let mut state = self.shared.lock();
        match state.names.get_mut(name) {
            Some(Name::Known { answer, until }) if *until > Instant::now() => {
                return Look::Known(answer.clone());
            }
            Some(Name::Asked(waiters)) => {
                waiters.push(waiter);
                return Look::Asked;
            }
            _ => {}
        }
        state.make_room();
        state
            .names
            .insert(name.to_owned(), Name::Asked(vec![waiter]));
        state.questions.push_back(name.to_owned());
        if state.threads < THREADS {
            state.threads += 1;
            let shared = self.shared.clone();
            let started = thread::Builder::new()
                .name("resolve".into())
                .spawn(move || shared.ask());
            if let Err(error) = started {
                state.threads -= 1;
                if state.threads == 0 {
                    return Look::Known(state.give_up(&error));
                }
            }
        }
        Look::Asked
    }

    fn without_asking(&self, name: &str) -> Option<Answer> {
        if let Some(found) = self
            .shared
            .overrides
            .iter()
            .find(|entry| entry.matches(name))
        {
            return Some(Ok(found.addresses.clone().into()));
        }
        let bare = name.strip_suffix('.').unwrap_or(name);
        let local = bare.eq_ignore_ascii_case("localhost")
            || bare.len() > 10
                && bare.as_bytes()[bare.len() - 10..].eq_ignore_ascii_case(b".localhost");
        local.then(|| {
            let addresses = [
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(Ipv6Addr::LOCALHOST),
            ];
            Ok(addresses.map(|address| SocketAddr::new(address, 0)).into())
        })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One thread's life: answer questions until there are none.
    fn ask(&self) {
        loop {
            let mut state = self.lock();
            let Some(name) = state.questions.pop_front() else {
                state.threads -= 1;
                return;
            };
            drop(state);
            let answer: Answer = match (name.as_str(), 0).to_socket_addrs() {
                Ok(found) => match found.take(ADDRESSES).collect::<Vec<_>>() {
                    none if none.is_empty() => {
                        Err(DnsError::Refused("the name has no address".into()))
                    }
                    addresses => Ok(addresses.into()),
                },
                Err(error) => Err(refusal(&error)),
            };
            let keep = match &answer {
                Ok(_) => KEEP_ANSWER,
                Err(DnsError::Shortage(_)) => Duration::ZERO, // it says nothing about the name
                Err(_) => KEEP_REFUSAL,
            };
            let known = Name::Known {
                answer: answer.clone(),
                until: Instant::now() + keep,
            };
            let before = self.lock().names.insert(name, known);
            if let Some(Name::Asked(waiters)) = before {
                pay(waiters, &answer);
            }
        }
    }
}

impl State {
    /// Answers all questions where there is no thread to ask them.
    fn give_up(&mut self, error: &io::Error) -> Answer {
        let answer = Err(DnsError::Shortage(
            format!("cannot start a thread to look up names: {error}").into(),
        ));
        for name in self.questions.drain(..) {
            if let Some(Name::Asked(waiters)) = self.names.remove(&name) {
                pay(waiters, &answer);
            }
        }
        answer
    }

    fn make_room(&mut self) {
        if self.names.len() < NAMES {
            return;
        }
        let now = Instant::now();
        self.names
            .retain(|_, name| !matches!(name, Name::Known { until, .. } if *until <= now));
        if self.names.len() >= NAMES {
            self.names.retain(|_, name| matches!(name, Name::Asked(_)));
        }
    }
}

/// The resolver as a client of reqwest knows it; a guarded one refuses answers with a private address.
pub(crate) struct ClientResolver {
    pub(crate) resolver: Resolver,
    pub(crate) guarded: bool,
    /// A name that may have any address: the proxy's.
    pub(crate) trusted: Option<String>,
}

impl reqwest::dns::Resolve for ClientResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let is_trusted = self.trusted.as_deref() == Some(name.as_str());
        let (resolver, guarded) = (self.resolver.clone(), self.guarded && !is_trusted);
        Box::pin(async move {
            let addresses = resolver.addresses(name.as_str()).await?;
            if guarded {
                check_public(&addresses)?;
            }
            let addresses = addresses.to_vec();
            Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

/// Refuses an answer with a private address in it: one among public ones is how rebinding starts.
pub(super) fn check_public(addresses: &[SocketAddr]) -> Result<(), DnsError> {
    let private = addresses
        .iter()
        .find(|address| !address::is_public(address.ip()));
    match private {
        Some(private) => Err(DnsError::Private(private.ip())),
        None => Ok(()),
    }
}

fn lost() -> DnsError {
    DnsError::Refused("the question was lost".into())
}

fn pay(waiters: Vec<Waiter>, answer: &Answer) {
    for waiter in waiters {
        // Whoever gave up waiting is gone.
        match waiter {
            Waiter::Task(sender) => drop(sender.send(answer.clone())),
            Waiter::Thread(sender) => drop(sender.try_send(answer.clone())),
        }
    }
}

/// What a failed lookup means. Without a file to open, `getaddrinfo` says that the name server does not answer: so whether
/// there is one is tried.
fn refusal(error: &io::Error) -> DnsError {
    let short = File::open("/dev/null").err();
    let short = short.iter().chain([error]).find_map(fault::shortage);
    match short {
        Some(words) => DnsError::Shortage(words.into()),
        None => DnsError::Refused(plain(error).into()),
    }
}

/// glibc's words without its prefix.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ")
        .unwrap_or(&text)
        .to_lowercase()
}
