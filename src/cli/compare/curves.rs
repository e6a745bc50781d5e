//! The sweep and the map for people, in a terminal.

use std::fmt::Write;

use haul::compare::{Axis, Curve, End, Map, Sweep};

use super::layout::{aligned, fitted, grouped, paragraph, short};

/// The eight heights of a bar.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The sweep: for each engine a small curve, its knee, and the parameters of the fitted law.
pub(super) fn sweep(text: &mut String, sweep: &Sweep, columns: usize) {
    let what = match sweep.axis {
        Axis::Concurrency => "req/s with 1, 2, 4 … requests in flight",
        Axis::Latency => "req/s by latency of the server, in ms",
        Axis::Work => "req/s by work per page, in us",
    };
    text.push('\n');
    paragraph(text, "sweep", what, columns);
    let mut levels: Vec<f64> = sweep
        .curves
        .iter()
        .flat_map(|curve| &curve.points)
        .map(|point| point.x)
        .collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let speed = |curve: &Curve, level: f64| {
        let point = curve
            .points
            .iter()
            .find(|point| point.x.total_cmp(&level).is_eq());
        point.map(|point| point.per_second.median)
    };
    let most = sweep
        .curves
        .iter()
        .flat_map(|curve| &curve.points)
        .map(|point| point.per_second.median)
        .fold(0.0, f64::max);
    let mut rows = vec![vec![sweep.unit.to_string(), String::new()]];
    rows[0].extend(levels.iter().map(|level| {
        let level = short(*level);
        level.trim_end_matches('0').trim_end_matches('.').to_owned()
    }));
    for curve in &sweep.curves {
        let bars = levels
            .iter()
            .map(|level| match speed(curve, *level) {
                Some(speed) => HEIGHTS[((speed / most.max(1e-9) * 7.0).round() as usize).min(7)],
                None => ' ',
            })
            .collect();
        let mut row = vec![curve.engine.clone(), bars];
        row.extend(
            levels
                .iter()
                .map(|level| speed(curve, *level).map_or(String::new(), grouped)),
        );
        rows.push(row);
    }
    tables(text, &rows, columns);
    for curve in &sweep.curves {
        let Some(end) = curve.end else {
            continue;
        };
        paragraph(
            text,
            &format!("  {}", curve.engine),
            &outcome(curve, end),
            columns,
        );
    }
    text.push('\n');
}

/// Where a curve stopped growing, or why that is unknown.
fn outcome(curve: &Curve, end: End) -> String {
    let mut sentence = match (curve.knee, end) {
        (Some(knee), _) => format!("more than {knee} in flight hardly helps"),
        (None, End::ListTooShort { urls_needed }) => format!(
            "still getting faster when the list ended; {} URLs, or --yes to repeat the list, would show more",
            grouped(urls_needed as f64)
        ),
        (None, End::HighestTried) => {
            "still getting faster at the highest concurrency that was tried".to_owned()
        }
        (None, End::FixedSize) => "its size is fixed".to_owned(),
        (None, End::StoppedGrowing) => "it stopped getting faster".to_owned(),
    };
    if let Some(fit) = &curve.fit {
        let peak = match fit.peak_at {
            Some(at) if at <= fit.law.measured_to => format!("peak at {}", grouped(at)),
            Some(_) | None => "no peak within the measured range".to_owned(),
        };
        let _ = write!(
            sentence,
            "; {peak}, contention {:.4}, coherency {:.6}, R² {:.3}",
            fit.law.sigma, fit.law.kappa, fit.law.r_squared
        );
    }
    sentence
}

/// The map as a grid: latency downwards, work to the right, and in each cell the winner and its margin.
pub(super) fn map(text: &mut String, map: &Map, columns: usize) {
    let cell = |latency: usize, work: usize| {
        map.at(latency, work).map_or(String::new(), |cell| {
            let is_here =
                cell.latency_ms == map.latency_ms[latency] && cell.work_us == map.work_us[work];
            match (is_here, cell.shown) {
                (true, true) => format!("{} {}x", cell.winner, short(cell.margin)),
                (true, false) => format!("{} or {}", cell.winner, cell.tied.join(" or ")),
                (false, _) => format!("({})", cell.winner),
            }
        })
    };
    let reading = format!(
        "the fastest engine with {} requests in flight, by server latency (down) and work per page (right); \
         1.30x is how much longer the next engine takes, \"or\" joins engines without a clear difference, and \
         (…) was not measured but its measured neighbours agree",
        map.in_flight
    );
    paragraph(text, "map", &reading, columns);
    let mut rows = vec![Vec::new()];
    rows[0].push(String::new());
    rows[0].extend(map.work_us.iter().map(|work| time(work / 1e3)));
    for (place, latency) in map.latency_ms.iter().enumerate() {
        let mut row = vec![time(*latency)];
        row.extend((0..map.work_us.len()).map(|work| cell(place, work)));
        rows.push(row);
    }
    tables(text, &rows, columns);
    text.push('\n');
}

/// A table, split into several if it is too wide.
fn tables(text: &mut String, rows: &[Vec<String>], columns: usize) {
    let all: Vec<usize> = (0..rows[0].len()).collect();
    for rows in fitted(rows, &all, columns.saturating_sub(2)) {
        let mut table = String::new();
        aligned(&mut table, &rows);
        for line in table.lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
}

/// A time in milliseconds, with the unit that reads best.
fn time(milliseconds: f64) -> String {
    match milliseconds {
        none if none <= 0.0 => "0".to_owned(),
        micros if micros < 1.0 => format!("{:.0}us", micros * 1e3),
        milliseconds => format!("{milliseconds:.0}ms"),
    }
}

#[cfg(test)]
mod tests {
    use haul::compare::Cell;

    use super::*;

    #[test]
    fn each_cell_of_a_map_names_the_winner_and_its_margin() {
        let cell = |work_us: f64, tied: &[&str], margin: f64| Cell {
            latency_ms: 2.0,
            work_us,
            winner: "async".to_owned(),
            tied: tied.iter().map(|name| (*name).to_owned()).collect(),
            margin,
            shown: tied.is_empty(),
            per_second: std::iter::empty().collect(),
        };
        let measured = Map {
            latency_ms: vec![2.0, 20.0],
            work_us: vec![0.0, 1000.0],
            in_flight: 8,
            cells: vec![
                cell(0.0, &[], 1.3),
                cell(1000.0, &["threads", "hybrid"], 1.0),
            ],
        };
        let mut text = String::new();
        map(&mut text, &measured, 100);
        let grid: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(
            grid,
            [
                "2ms async 1.30x async or threads or hybrid",
                "20ms (async) (async)"
            ],
            "{text}"
        );
    }
}
