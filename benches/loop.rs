//! The crawl loop alone: frontier, dispatch, records and sink, with an instant engine.
//!
//! `cargo bench --bench loop` prints visits per second, with records written as JSON Lines to a temporary file and
//! without.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::num::NonZeroUsize;
use std::time::Instant;

use haul::engine::Engine;
use haul::sink::{Destination, Format, RecordSettings, SinkSettings};
use haul::{Config, Stop, crawl};

const VISITS: usize = 500_000;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let list = folder.path().join("list.txt");
    for hosts in [1, 1000] {
        let lines: String = (0..VISITS)
            .map(|n| format!("http://h{}.example/page/{n}?q=x\n", n % hosts))
            .collect();
        std::fs::write(&list, lines).expect("the list is written");
        for records in [false, true] {
            let mut config = Config::new(haul::seeds::SeedSettings::of(vec![
                haul::seeds::SeedSource::File(list.clone()),
            ]));
            config.engine = Engine::Stub(NonZeroUsize::new(64).expect("64 is not 0"));
            config.frontier.per_host = 0;
            if records {
                let path = folder.path().join("records.jsonl");
                let destination = Destination::File {
                    path,
                    append: false,
                };
                config.sinks = vec![SinkSettings {
                    format: Format::Jsonl(RecordSettings::default()),
                    destination,
                }];
            }
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            let started = Instant::now();
            let outcome = runtime
                .block_on(crawl(&config, Stop::new(), |_| {}))
                .expect("the run");
            assert_eq!(outcome.tally.visited, VISITS as u64);
            let rate = VISITS as f64 / started.elapsed().as_secs_f64();
            println!(
                "{hosts:>5} hosts, records {:<3}: {rate:>9.0} visits/s",
                if records { "yes" } else { "no" }
            );
        }
    }
}
