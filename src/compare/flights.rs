//! When each request of a round was in flight.
//!
//! It shows how an engine switches between requests as responses arrive. However many requests a round has, the number
//! of points that are kept is bounded.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::visit::Visit;

/// The most requests whose timings are kept one by one.
const LANES: usize = 200;
/// Intervals in the curve of requests in flight.
const POINTS: usize = 240;

/// The timing of one request, in microseconds since the run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Flight {
    sent: u64,
    first_byte: u64,
    end: u64,
}

/// A bounded summary of when the requests of a round were in flight.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Flights {
    /// Pairs of seconds since the run began and requests in flight.
    pub(super) over_time: Vec<(f64, u32)>,
    /// The first requests: sent, first byte and end, in milliseconds.
    pub(super) lanes: Vec<(f64, f64, f64)>,
    /// The average number of requests in flight, from the first one sent to the last end.
    pub(super) mean: f64,
    /// The share of time in flight spent waiting for the first byte, 0 to 1.
    pub(super) first_byte: f64,
}

impl Flight {
    /// The last request of a visit; `None` if it got no response.
    pub(super) fn of(visit: &Visit, begun: Instant) -> Option<Self> {
        let timing = visit.outcome.as_ref().ok()?.timing;
        let since = visit.job.since.checked_duration_since(begun);
        let sent = since.unwrap_or_default() + timing.queued;
        let micros = |time: std::time::Duration| time.as_micros() as u64;
        Some(Self {
            sent: micros(sent),
            first_byte: micros(sent + timing.first_byte),
            end: micros(sent + timing.total),
        })
    }
}

impl Flights {
    pub(super) fn of(mut flights: Vec<Flight>) -> Self {
        flights.sort_unstable();
        let end = flights.iter().map(|flight| flight.end).max().unwrap_or(0);
        let begin = flights.first().map_or(0, |flight| flight.sent);
        let milliseconds = |micros: u64| micros as f64 / 1e3;
        let lanes = flights
            .iter()
            .take(LANES)
            .map(|flight| {
                (
                    milliseconds(flight.sent),
                    milliseconds(flight.first_byte),
                    milliseconds(flight.end),
                )
            })
            .collect();
        let flown: u64 = flights.iter().map(|flight| flight.end - flight.sent).sum();
        let waited = flights.iter().map(|flight| flight.first_byte - flight.sent);
        Self {
            over_time: over_time(&flights, end),
            lanes,
            first_byte: waited.sum::<u64>() as f64 / flown.max(1) as f64,
            mean: flown as f64 / end.saturating_sub(begin).max(1) as f64,
        }
    }
}

/// The number of requests in flight at evenly spaced moments.
fn over_time(flights: &[Flight], end: u64) -> Vec<(f64, u32)> {
    let mut ends: Vec<u64> = flights.iter().map(|flight| flight.end).collect();
    ends.sort_unstable();
    let (mut sent, mut ended) = (0, 0);
    (0..=POINTS as u64)
        .filter(|_| end > 0)
        .map(|point| {
            let moment = end * point / POINTS as u64;
            while flights
                .get(sent)
                .is_some_and(|flight| flight.sent <= moment)
            {
                sent += 1;
            }
            while ends.get(ended).is_some_and(|end| *end <= moment) {
                ended += 1;
            }
            (moment as f64 / 1e6, (sent - ended) as u32)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_overlap_are_in_flight_at_once() {
        let flight = |sent, end| Flight {
            sent,
            first_byte: sent,
            end,
        };
        let flights = Flights::of(vec![
            flight(500_000, 1_000_000),
            flight(0, 1_000_000),
            flight(0, 500_000),
        ]);
        assert_eq!(flights.lanes.len(), 3);
        assert_eq!(flights.lanes[2], (500.0, 500.0, 1000.0));
        assert!((flights.mean - 2.0).abs() < 1e-9);
        let most = flights.over_time.iter().map(|(_, count)| *count).max();
        assert_eq!((most, flights.over_time.len()), (Some(2), POINTS + 1));
        assert_eq!(flights.over_time[POINTS], (1.0, 0));
        assert_eq!(Flights::of(Vec::new()), Flights::default());
    }

    #[test]
    fn the_number_of_points_is_bounded_however_many_requests_there_are() {
        let many = (0..100_000)
            .map(|index| Flight {
                sent: index,
                first_byte: index + 5,
                end: index + 10,
            })
            .collect();
        let flights = Flights::of(many);
        assert_eq!(
            (flights.lanes.len(), flights.over_time.len()),
            (LANES, POINTS + 1)
        );
    }
}
