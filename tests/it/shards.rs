//! Shards of a list: together they are the list, and no two of them ask the same site.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use haul::frontier::Run;
use haul::seeds::{Seed, Shard, channel};
use haul::{Config, PageUrl, Runner};

use crate::cli;
use crate::folder::Folder;
use crate::lists::{list, summaries};
use crate::run::{on, run, visits, wait};

/// Rows of 700 hosts of 350 sites, with duplicates, blank lines, comments and lines that are no URLs.
fn text(rows: u32) -> String {
    let mut text = String::from("# a list\n\n");
    for row in 0..rows {
        let site = row.wrapping_mul(2_654_435_761) % 350;
        match row % 50 {
            7 => writeln!(text, "ftp://files{row}.example/{row}"),
            8 => writeln!(text, "not a url {row}\n"),
            9 => writeln!(text, "http://www.site0.com/0"),
            _ => writeln!(text, "http://h{}.site{site}.com/{row}", row % 2),
        }
        .unwrap();
    }
    text
}

#[test]
fn the_records_of_all_shards_together_are_those_of_the_list() {
    let list = list("urls.txt", text(2_000));
    let whole: BTreeSet<String> = summaries(&list.read()).into_iter().collect();
    assert_eq!(whole.len(), 2_000);
    for count in 1..=16 {
        let mut together = BTreeSet::new();
        let mut shard_of: BTreeMap<String, u32> = BTreeMap::new();
        for number in 1..=count {
            let mut config = list.dry();
            config.seeds.shard = Shard::new(number, count);
            let report = run(config);
            for record in &report.records {
                if record.class != Some("malformed") {
                    let url = PageUrl::parse(&record.first_url).unwrap();
                    let known = shard_of.entry(url.site().to_owned()).or_insert(number);
                    assert_eq!(*known, number, "{url} of {count}");
                }
            }
            for line in summaries(&report) {
                assert!(together.insert(line.clone()), "twice: {line}");
            }
        }
        assert_eq!(together, whole, "{count} shards");
    }
}

#[test]
fn every_row_of_a_list_of_100_000_is_in_exactly_one_shard_and_none_is_much_larger() {
    let urls: Vec<PageUrl> = (0..100_000)
        .map(|row| {
            PageUrl::parse(&format!("http://h{}.site{}.org/{row}", row % 3, row / 3)).unwrap()
        })
        .collect();
    for count in 1..=16 {
        let shards: Vec<Shard> = (1..=count)
            .map(|number| Shard::new(number, count).unwrap())
            .collect();
        let mut sizes = vec![0_usize; shards.len()];
        for url in &urls {
            let has = |at: &usize| shards[*at].has_site(url.site());
            let of: Vec<usize> = (0..shards.len()).filter(has).collect();
            assert_eq!(of.len(), 1, "{url}");
            sizes[of[0]] += 1;
        }
        let mean = urls.len() / shards.len();
        assert!(
            sizes.iter().all(|size| size.abs_diff(mean) < mean / 10),
            "{sizes:?}"
        );
    }
}

#[test]
fn a_limit_counts_the_rows_of_the_shard_and_rows_keep_their_numbers() {
    let list = list("urls.txt", text(200));
    let mut config = list.dry();
    config.seeds.shard = Shard::new(2, 3);
    let all = summaries(&run(config.clone()));
    config.seeds.limit = Some(5);
    let first = summaries(&run(config));
    assert_eq!(first, all[..5]);
    assert!(!first[0].starts_with("1 "), "{first:?}");
}

#[test]
fn seeds_that_a_program_sends_are_in_shards_too() {
    let rows = |number| {
        let (sender, seeds) = channel(100);
        for row in 1..=100 {
            let seed = Seed::new(format!("http://site{row}.com/")).numbered(row);
            wait(sender.send(seed)).unwrap();
        }
        drop(sender);
        let mut config = on("async", Config::default());
        config.frontier.run = Run::Dry;
        config.seeds.shard = Shard::new(number, 2);
        let visits = visits(Runner::new(config).seeds(seeds)).unwrap();
        let rows = visits.iter().filter_map(|visit| visit.job.row);
        rows.collect::<BTreeSet<_>>()
    };
    let (one, other) = (rows(1), rows(2));
    assert!(one.len() > 30 && one.is_disjoint(&other), "{one:?}");
    assert_eq!(one.len() + other.len(), 100);
}

#[test]
fn a_shard_that_does_not_exist_is_refused() {
    for wrong in ["0/4", "5/4", "x"] {
        let (code, _, errors) = cli::run(
            Folder::new().path(),
            &["fetch", "http://a.example/", "--dry-run", "--shard", wrong],
        );
        assert_eq!(code, Some(2), "{errors}");
        assert!(errors.contains("is not a shard"), "{errors}");
    }
}
