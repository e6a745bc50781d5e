//! The frontier alone, with a job folder: it admits ten million URLs.
//!
//! `benches/README.md` has the results.
//!
//! `cargo bench --bench frontier [-- URLS [HOSTS]]`

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

fn main() {
    let number = |at: usize| {
        std::env::args()
            .skip(1)
            .filter_map(|word| word.parse::<u64>().ok())
            .nth(at)
    };
    let urls = number(0).unwrap_or(10_000_000);
    let hosts = number(1).unwrap_or(1000);
    let folder = tempfile::tempdir().unwrap();
    println!("{urls} URLs of {hosts} hosts");
    let before = resident();
    let tenths = haul::frontier::measure::admit(folder.path(), urls, hosts).unwrap();
    let mut rows = 0;
    for tenth in &tenths {
        rows += tenth.rows;
        let rate = tenth.rows as f64 / tenth.took.as_secs_f64();
        println!(
            "{rows:>10} rows  {rate:>9.0} rows/s  {:>5.1} B a URL on disk",
            tenth.on_disk as f64 / rows as f64
        );
    }
    let peak = resident().saturating_sub(before);
    println!(
        "{:.1} B a URL in memory at the most",
        peak as f64 / urls as f64
    );
}

/// The peak memory of the process, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kibibytes.unwrap_or_default() * 1024
}
