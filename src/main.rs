//! haul: the binary.
use haul::{Config, Ended, Event, Stop, crawl};
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).is_some_and(|a| a == "--haul-child") {
        haul::engine::serve_parent().expect("child");
        return;
    }
    let mut config = Config::new(haul::seeds::SeedSettings::of(vec![
        haul::seeds::Source::File(args[1].clone().into()),
    ]));
    let c: String = args[2].clone();
    config.engine = c.parse().expect("engine");
    config.frontier.per_host = 0;
    let mut sink = haul::sink::SinkSettings::default();
    if args[3] == "dir" {
        sink.folder = Some(args[4].clone().into());
        config.fetch.body_limit = haul::ByteSize::mib(1024);
    } else {
        sink.format = haul::sink::Format::Jsonl;
        sink.destination = haul::sink::Destination::File {
            path: args[3].clone().into(),
            append: false,
        };
    }
    config.sinks.push(sink);
    config.parse.wants = haul::parse::Wants::NOTHING;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("runtime");
    let outcome = runtime
        .block_on(crawl(config, Stop::new(), |event: &Event<'_>| {
            if let Event::Notice(n) = event {
                eprintln!("{n}")
            }
        }))
        .expect("run");
    assert_eq!(outcome.ended, Ended::Complete);
    eprintln!(
        "visited {} failed {} {:?} {:?}",
        outcome.tally.visited, outcome.tally.failed, outcome.tally.statuses, outcome.tally.failures
    );
}
