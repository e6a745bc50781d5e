//! The phase map: which engine wins at which server latency and with how much work per page.
//!
//! A coarse grid is measured first. Where two neighbours have different winners, the cells between them are measured
//! too; cells between neighbours that agree are assumed to be the same. An engine wins a cell only if all its runs
//! were faster than all runs of the others; three runs cannot show more than that.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::arena::Arena;
use super::settings::CompareSettings;
use super::stage::Stage;
use super::statistics::median;
use super::sweep::{RUNS, hash_speed, work_of};
use super::target::Practice;
use crate::error::Result;

/// The coarse grid: latencies of the server, in milliseconds.
const LATENCIES: [f64; 4] = [0.0, 2.0, 20.0, 100.0];
/// The coarse grid: work on each page, in microseconds of one core.
const WORKS: [f64; 4] = [0.0, 100.0, 1000.0, 10_000.0];
/// The intended length of a run; the number of URLs is chosen to fit it.
const TIME: Duration = Duration::from_millis(250);
/// The smallest ratio of throughputs that counts as a win.
const MARGIN: f64 = 1.05;

/// Which engine wins at which server latency and amount of work.
#[derive(Debug, Clone, Serialize)]
pub struct Map {
    /// The server latencies, in ascending order.
    pub latency_ms: Vec<f64>,
    /// The amounts of work on each page, in ascending order.
    pub work_us: Vec<f64>,
    /// The number of requests in flight.
    pub in_flight: usize,
    /// The measured cells, each once; cells between ones that agree are not measured.
    pub cells: Vec<Cell>,
}

impl Map {
    /// The cell at these indexes.
    ///
    /// If it was not measured, a neighbour, since its neighbours agree.
    pub fn at(&self, latency: usize, work: usize) -> Option<&Cell> {
        let find = |latency: usize, work: usize| {
            let (latency, work) = (self.latency_ms.get(latency)?, self.work_us.get(work)?);
            let is_here = |cell: &&Cell| cell.latency_ms == *latency && cell.work_us == *work;
            self.cells.iter().find(is_here)
        };
        let steps = latency + work;
        let mut apart = (0..=steps).flat_map(|steps| (0..=steps).map(move |up| (up, steps - up)));
        apart.find_map(|(up, left)| find(latency.checked_sub(up)?, work.checked_sub(left)?))
    }
}

/// The result at one server latency with one amount of work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// The server's latency.
    pub latency_ms: f64,
    /// The work on each page.
    pub work_us: f64,
    /// The engine with the best median.
    pub winner: String,
    /// Engines that may be just as fast: no difference was shown.
    pub tied: Vec<String>,
    /// The winner's throughput divided by that of the best engine shown to be slower.
    ///
    /// 1 if there is none.
    pub margin: f64,
    /// Whether all other engines were shown to be slower.
    pub shown: bool,
    /// The median of each engine's records per second.
    pub per_second: BTreeMap<String, f64>,
}

/// Measures the map; `None` if interrupted.
///
/// # Errors
/// When the practice server cannot be started, or a round does not finish.
pub(super) fn map(
    settings: &CompareSettings,
    arena: &mut Arena,
    report: &mut impl FnMut(&Stage<'_>),
) -> Result<Option<Map>> {
    let mut survey = Survey {
        settings,
        practice: arena.practice.clone().unwrap_or_default(),
        speed: hash_speed(),
        random: fastrand::Rng::with_seed(settings.seed),
        done: 0,
        of: LATENCIES.len() * WORKS.len(),
    };
    let (practice, work) = (survey.practice.clone(), arena.work.clone());
    let mut cells = Vec::new();
    for latency in LATENCIES {
        survey.serve(arena, latency)?;
        for work in WORKS {
            let Some(cell) = survey.cell(arena, latency, work, report)? else {
                return Ok(None);
            };
            cells.push(cell);
        }
    }
    let grid = Grid::between(&LATENCIES, &WORKS);
    let doubtful: Vec<_> = grid.doubtful(&cells);
    survey.of += doubtful.len();
    for (latency, work) in doubtful {
        survey.serve(arena, latency)?;
        let Some(cell) = survey.cell(arena, latency, work, report)? else {
            return Ok(None);
        };
        cells.push(cell);
    }
    arena.work = work;
    arena.practise(practice, settings.seed)?;
    Ok(Some(grid.map(cells, settings.in_flight.get())))
}

/// Measures the map cell by cell.
struct Survey<'s> {
    settings: &'s CompareSettings,
    practice: Practice,
    speed: f64,
    random: fastrand::Rng,
    done: usize,
    of: usize,
}

impl Survey<'_> {
    fn serve(&self, arena: &mut Arena, latency_ms: f64) -> Result<()> {
        let latency = Duration::from_secs_f64(latency_ms / 1e3);
        arena.practise(
            Practice {
                latency,
                ..self.practice.clone()
            },
            self.settings.seed,
        )
    }

    fn cell(
        &mut self,
        arena: &mut Arena,
        latency_ms: f64,
        work_us: f64,
        report: &mut impl FnMut(&Stage<'_>),
    ) -> Result<Option<Cell>> {
        arena.work = work_of(work_us, self.speed);
        let contestants = &self.settings.contestants;
        let mut turn: Vec<usize> = (0..contestants.len() * RUNS)
            .map(|run| run % contestants.len())
            .collect();
        self.random.shuffle(&mut turn);
        let cores = crate::engine::cores() as f64;
        let mut speeds = vec![Vec::new(); contestants.len()];
        for index in turn {
            let contestant = &contestants[index];
            report(&Stage::Map {
                engine: &contestant.name,
                done: self.done,
                of: self.of,
            });
            let in_flight = contestant.engine.in_flight();
            // Estimates seconds per page as if it only waited and as if it only computed; the longer one decides.
            let waiting = latency_ms / 1e3 / in_flight as f64;
            let computing = (work_us + 50.0) / 1e6 / cores.min(in_flight as f64);
            let fitting = (TIME.as_secs_f64() / waiting.max(computing)) as usize;
            let least = if in_flight == 1 { 3 } else { in_flight * 2 };
            let count = fitting.clamp(least.min(arena.urls.len()), arena.urls.len());
            let Some(run) = arena.run(contestant.engine, count)? else {
                return Ok(None);
            };
            speeds[index].push(run.per_second());
        }
        self.done += 1;
        let named = contestants
            .iter()
            .map(|contestant| contestant.name.clone())
            .zip(speeds);
        Ok(Some(cell_from(latency_ms, work_us, named.collect())))
    }
}

/// Makes a cell from the records per second of each engine's runs.
fn cell_from(latency_ms: f64, work_us: f64, speeds: Vec<(String, Vec<f64>)>) -> Cell {
    let medians: Vec<(String, f64)> = speeds
        .iter()
        .map(|(name, speeds)| (name.clone(), median(speeds)))
        .collect();
    let best = (0..speeds.len()).max_by(|one, other| medians[*one].1.total_cmp(&medians[*other].1));
    let best = best.unwrap_or_default();
    let least = |speeds: &[f64]| speeds.iter().copied().fold(f64::INFINITY, f64::min);
    let most = |speeds: &[f64]| speeds.iter().copied().fold(0.0, f64::max);
    let beaten = |index: usize| {
        most(&speeds[index].1) < least(&speeds[best].1)
            && medians[best].1 > MARGIN * medians[index].1
    };
    let tied: Vec<String> = (0..speeds.len())
        .filter(|index| *index != best && !beaten(*index))
        .map(|index| medians[index].0.clone())
        .collect();
    let next = (0..speeds.len())
        .filter(|index| *index != best && beaten(*index))
        .map(|index| medians[index].1)
        .fold(0.0, f64::max);
    Cell {
        latency_ms,
        work_us,
        winner: medians[best].0.clone(),
        shown: tied.is_empty(),
        tied,
        margin: if next > 0.0 {
            medians[best].1 / next
        } else {
            1.0
        },
        per_second: medians.into_iter().collect(),
    }
}

/// The fine grid: the coarse one with a line added between any two neighbouring lines.
struct Grid {
    latencies: Vec<f64>,
    works: Vec<f64>,
}

impl Grid {
    fn between(latencies: &[f64], works: &[f64]) -> Self {
        Self {
            latencies: with_middles(latencies),
            works: with_middles(works),
        }
    }

    /// The coarse cells around a point of the fine grid.
    fn around<'c>(&self, cells: &'c [Cell], row: usize, column: usize) -> Vec<&'c Cell> {
        let neighbours = |at: usize, lines: &[f64]| match at % 2 {
            0 => vec![lines[at]],
            _ => vec![lines[at - 1], lines[at + 1]],
        };
        let (latencies, works) = (
            neighbours(row, &self.latencies),
            neighbours(column, &self.works),
        );
        cells
            .iter()
            .filter(|cell| latencies.contains(&cell.latency_ms) && works.contains(&cell.work_us))
            .collect()
    }

    fn points(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let columns = self.works.len();
        (0..self.latencies.len()).flat_map(move |row| (0..columns).map(move |column| (row, column)))
    }

    /// The points between cells with different winners.
    fn doubtful(&self, cells: &[Cell]) -> Vec<(f64, f64)> {
        self.points()
            .filter(|(row, column)| row % 2 + column % 2 > 0)
            .filter(|(row, column)| !agree(&self.around(cells, *row, *column)))
            .map(|(row, column)| (self.latencies[row], self.works[column]))
            .collect()
    }

    fn map(self, cells: Vec<Cell>, in_flight: usize) -> Map {
        // Drop lines on which nothing was measured because nothing was in doubt.
        let measured_lines = |lines: Vec<f64>, of: fn(&Cell) -> f64| -> Vec<f64> {
            let is_measured = |line: &f64| cells.iter().any(|cell| of(cell) == *line);
            lines.into_iter().filter(is_measured).collect()
        };
        Map {
            latency_ms: measured_lines(self.latencies, |cell| cell.latency_ms),
            work_us: measured_lines(self.works, |cell| cell.work_us),
            in_flight,
            cells,
        }
    }
}

/// Whether one engine may be the fastest in all of the cells.
fn agree(cells: &[&Cell]) -> bool {
    let may_win = |cell: &Cell, name: &String| cell.winner == *name || cell.tied.contains(name);
    let Some(first) = cells.first() else {
        return true;
    };
    std::iter::once(&first.winner)
        .chain(&first.tied)
        .any(|name| cells.iter().all(|cell| may_win(cell, name)))
}

/// The lines with their geometric means in between.
///
/// Between 0 and the next line, a fifth of that line.
fn with_middles(lines: &[f64]) -> Vec<f64> {
    let mut fine = Vec::new();
    for pair in lines.windows(2) {
        fine.push(pair[0]);
        let middle = if pair[0] == 0.0 {
            pair[1] / 5.0
        } else {
            (pair[0] * pair[1]).sqrt()
        };
        let digits = 10_f64.powi(1 - middle.log10().floor() as i32);
        fine.push((middle * digits).round() / digits);
    }
    fine.extend(lines.last());
    fine
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(latency: f64, work: f64, speeds: &[(&str, [f64; 3])]) -> Cell {
        let speeds = speeds
            .iter()
            .map(|(name, runs)| ((*name).to_owned(), runs.to_vec()));
        cell_from(latency, work, speeds.collect())
    }

    #[test]
    fn an_engine_wins_alone_only_if_all_its_runs_were_faster() {
        let clear = cell(
            0.0,
            0.0,
            &[("a", [100.0, 110.0, 105.0]), ("b", [50.0, 52.0, 51.0])],
        );
        assert!(clear.shown && clear.winner == "a" && (clear.margin - 105.0 / 51.0).abs() < 1e-9);
        let close = cell(
            0.0,
            0.0,
            &[("a", [100.0, 110.0, 105.0]), ("b", [101.0, 90.0, 95.0])],
        );
        assert!(!close.shown && close.tied == ["b"] && close.margin == 1.0);
    }

    #[test]
    fn only_cells_between_different_winners_are_measured_too() {
        let a = [("a", [9.0, 9.0, 9.0]), ("b", [5.0, 5.0, 5.0])];
        let b = [("a", [5.0, 5.0, 5.0]), ("b", [9.0, 9.0, 9.0])];
        let cells = vec![
            cell(0.0, 0.0, &a),
            cell(0.0, 100.0, &a),
            cell(10.0, 0.0, &a),
            cell(10.0, 100.0, &b),
        ];
        let grid = Grid::between(&[0.0, 10.0], &[0.0, 100.0]);
        let doubtful = grid.doubtful(&cells);
        assert_eq!(doubtful, [(2.0, 20.0), (2.0, 100.0), (10.0, 20.0)]);
        let between = cell(2.0, 20.0, &a);
        let map = grid.map([cells, vec![between]].concat(), 64);
        assert_eq!(map.latency_ms, [0.0, 2.0, 10.0]);
        assert_eq!(
            map.at(0, 1).unwrap().winner,
            "a",
            "like the neighbouring cell"
        );
        assert_eq!(map.at(2, 2).unwrap().winner, "b");
        let coarse = Grid::between(&[0.0, 10.0], &[0.0])
            .map(vec![cell(0.0, 0.0, &a), cell(10.0, 0.0, &a)], 64);
        assert_eq!(coarse.latency_ms, [0.0, 10.0], "nothing was in doubt");
    }
}
