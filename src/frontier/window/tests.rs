use std::time::Duration;

use super::simulation::{Server, Simulation};
use super::*;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The least, the mean and the greatest size of a window.
fn sizes(run: &Simulation) -> (usize, f64, usize) {
    let least = run.sizes.iter().min().copied().unwrap();
    let most = run.sizes.iter().max().copied().unwrap();
    let mean = run.sizes.iter().sum::<usize>() as f64 / run.sizes.len() as f64;
    (least, mean, most)
}

/// The responses, as a share of what the server could have sent in this time.
fn share(run: &Simulation, most: f64) -> f64 {
    run.answered as f64 / (most * run.elapsed().as_secs_f64())
}

#[test]
fn a_window_settles_at_the_capacity_of_a_server_and_stays_there() {
    for hands in [3, 10, 40] {
        let mut run = Simulation::new(Server::of(hands), 1000);
        run.run(seconds(20));
        run.reset_counts();
        run.run(seconds(120));
        let (least, mean, most) = sizes(&run);
        let wide = hands as f64;
        assert!((mean / wide - 1.0).abs() < 0.2, "{mean} of {hands}");
        // About twice a minute it narrows for a round, to measure the least latency again.
        assert!((most - least) as f64 <= wide / 3.0, "{least} to {most}");
        assert!(share(&run, wide / 0.05) > 0.98, "{hands}");
    }
}

#[test]
fn random_latencies_do_not_close_a_window() {
    for (hands, noise, least) in [
        (3, 0.3, 0.95),
        (10, 0.3, 0.97),
        (40, 0.3, 0.97),
        (40, 0.8, 0.9),
    ] {
        let mut run = Simulation::new(
            Server {
                noise,
                ..Server::of(hands)
            },
            1000,
        );
        run.run(seconds(20));
        run.reset_counts();
        run.run(seconds(120));
        let share = share(&run, hands as f64 / 0.05);
        assert!(share > least, "{share} of {hands} with {noise}");
        let (_, mean, _) = sizes(&run);
        assert!(
            (0.75..1.3).contains(&(mean / hands as f64)),
            "{mean} of {hands} with {noise}"
        );
    }
}

#[test]
fn a_window_follows_a_server_that_changes() {
    let slow = |work| Server {
        work: Duration::from_millis(work),
        ..Server::of(10)
    };
    // Round trips of the new server until the window is settled again.
    for (name, before, then, trips) in [
        ("fewer hands", Server::of(20), Server::of(5), 20),
        ("more hands", Server::of(5), Server::of(20), 40),
        ("twice as slow", Server::of(10), slow(100), 20),
        ("ten times as slow", Server::of(10), slow(500), 20),
        ("a little slower", Server::of(10), slow(60), 50),
        ("twice as fast", Server::of(10), slow(25), 10),
    ] {
        let mut run = Simulation::new(before, 1000);
        run.run(seconds(20));
        run.change(then.clone());
        run.run(then.work * trips);
        run.reset_counts();
        run.run(then.work * 200);
        let (_, mean, _) = sizes(&run);
        let wide = then.hands as f64;
        assert!((mean / wide - 1.0).abs() < 0.25, "{name}: {mean} of {wide}");
        let share = share(&run, wide / then.work.as_secs_f64());
        assert!(share > 0.98, "{name}: {share}");
    }
}

#[test]
fn a_server_with_a_rate_limit_gets_nearly_that_rate_and_hardly_more() {
    for rate in [2.0, 15.0, 20.0, 100.0, 500.0] {
        for hold in [0, 300, 1000] {
            let hold = Duration::from_millis(hold);
            let server = Server {
                rate: Some(rate),
                hold,
                ..Server::of(1000)
            };
            let mut run = Simulation::new(server, 64);
            run.run(seconds(60));
            assert!(
                share(&run, rate) > 0.7,
                "{rate}, first minute: {}",
                share(&run, rate)
            );
            assert!(
                run.refused * 20 < run.sent,
                "{rate}, first minute: {} of {}",
                run.refused,
                run.sent
            );
            run.reset_counts();
            run.run(seconds(600));
            assert!(share(&run, rate) > 0.85, "{rate}: {}", share(&run, rate));
            assert!(
                run.refused * 30 < run.sent,
                "{rate}: {} of {}",
                run.refused,
                run.sent
            );
        }
    }
}

#[test]
fn a_server_with_a_concurrency_limit_is_hardly_ever_asked_for_more() {
    for seats in [3, 10, 40] {
        let server = Server {
            seats: Some(seats),
            ..Server::of(1000)
        };
        let mut run = Simulation::new(server, 64);
        run.run(seconds(60));
        run.reset_counts();
        run.run(seconds(120));
        assert!(share(&run, seats as f64 / 0.05) > 0.85, "{seats}");
        assert!(
            run.refused * 25 < run.sent,
            "{seats}: {} of {}",
            run.refused,
            run.sent
        );
        let (least, _, most) = sizes(&run);
        assert!(
            least * 2 > seats && most <= seats + seats / 8 + 1,
            "{least} to {most} of {seats}"
        );
    }
}

#[test]
fn occasional_failures_close_no_window_but_frequent_ones_do() {
    for (failures, shares) in [(0.01, 0.95..1.0), (0.05, 0.8..1.0), (0.5, 0.0..0.2)] {
        let server = Server {
            failures,
            ..Server::of(1000)
        };
        let mut run = Simulation::new(server, 8);
        run.run(seconds(20));
        run.reset_counts();
        run.run(seconds(300));
        // Limited only by the window's own maximum it would get 8 responses in 50 ms.
        let share = share(&run, 8.0 / 0.05);
        assert!(
            shares.contains(&share),
            "{share} with {failures}: {:?}",
            sizes(&run)
        );
    }
}

#[test]
fn refusals_of_requests_in_flight_together_count_as_one() {
    let now = Instant::now();
    let mut window = Window::new(64);
    window.resize(40.0, 0);
    assert!(window.heard(Reply::Refused, 40, now));
    for in_flight in (1..40).rev() {
        assert!(!window.heard(Reply::Refused, in_flight, now));
    }
    assert_eq!(window.size(), 28);
    assert!(window.heard(Reply::Lost, 28, now));
    assert_eq!(window.size(), 19);
}

#[test]
fn a_host_that_refuses_even_single_requests_is_asked_less_and_less_often() {
    let mut now = Instant::now();
    let mut window = Window::new(8);
    let mut rate = f64::INFINITY;
    for _ in 0..200 {
        window.sent(now);
        window.heard(Reply::Refused, 1, now);
        assert!(window.size() >= 1 && window.rate().unwrap() <= rate);
        rate = window.rate().unwrap();
        now = window.not_before().unwrap();
    }
    assert!(rate < 1.0 / 59.0, "{rate}");
}
