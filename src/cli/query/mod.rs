//! `haul query`: SQL about a job or a SQLite output.

mod lines;
mod table;
mod writer;

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use haul::query::{Cell, Query, QueryEnd, QueryLimits};
use haul::{Stop, clean, spelled};

use super::closed::check_stdout;
use super::exit::Exit;
use super::interrupt::Interrupts;
use super::output::columns;
use super::paths::refuse_url;
use super::spelling;
use lines::{Csv, JsonLines};
use table::Table;
use writer::{Writer, written};

/// The arguments of `haul query`.
#[derive(Debug, Args)]
pub(crate) struct QueryArguments {
    /// The folder of a job, or a SQLite output of a run
    #[arg(value_name = "JOB|FILE")]
    path: PathBuf,

    /// A SELECT statement; without it, the tables and their columns are listed
    #[arg(value_name = "SQL")]
    statement: Option<String>,

    /// How to print the rows
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    format: QueryFormat,

    /// Stop if the query takes longer; time during which nobody reads its rows does not count
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = haul::duration)]
    max_time: Duration,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum QueryFormat {
    /// For people: columns that fit the terminal, long values cut; or a line for each value, if there are many columns
    Table,
    /// CSV with a header line; bytes are hexadecimal
    Csv,
    /// A JSON object on each line; JSON columns are JSON, and bytes are hexadecimal
    Jsonl,
}

impl QueryArguments {
    /// Runs the query, and prints its rows.
    ///
    /// # Errors
    /// When there is no such job or output, it is damaged, the query is wrong, or standard output cannot be written.
    pub(crate) fn run(self) -> haul::Result<Exit> {
        refuse_url("the job", &self.path)?;
        check_stdout();
        let stop = Stop::new();
        let interrupts = Interrupts::watch(stop.clone())?;
        let query = Query::open(&self.path)?;
        for missing in query.missing() {
            say(&format!(
                "{} is not there, so its tables are missing: run this in the folder that the job was started in",
                missing.display()
            ));
        }
        let output = BufWriter::new(std::io::stdout().lock());
        let mut writer: Box<dyn Writer> = match self.format {
            QueryFormat::Table => Box::new(Table::new(output, columns())),
            QueryFormat::Csv => Box::new(Csv::new(output)),
            QueryFormat::Jsonl => Box::new(JsonLines::new(output)),
        };
        let Some(statement) = &self.statement else {
            list(&query, &mut *writer)?;
            writer.finish()?;
            if self.format == QueryFormat::Table {
                return self.print_examples(&query);
            }
            return Ok(Exit::Success);
        };
        let limits = QueryLimits {
            time: self.max_time,
            stop,
        };
        let ended = query.run(statement, limits, &mut *writer)?;
        writer.finish()?;
        Ok(match ended {
            QueryEnd::Complete => Exit::Success,
            QueryEnd::TimeUp => {
                say(&format!(
                    "stopped after {}, so rows are missing; --max-time gives the query longer",
                    spelled(self.max_time)
                ));
                Exit::TimeUp
            }
            QueryEnd::Stopped => interrupts.final_exit(Exit::Interrupted),
        })
    }

    fn print_examples(&self, query: &Query) -> haul::Result<Exit> {
        let path = spelling::quoted(&self.path.clone().into_os_string());
        let has = |name: &str| query.tables().iter().any(|table| table.name == name);
        let examples = match has("failed") {
            true => [
                "SELECT class, count(*) FROM failed GROUP BY class ORDER BY 2 DESC",
                "SELECT url FROM waiting WHERE depth > 2",
            ],
            false => [
                "SELECT error, count(*) FROM latest GROUP BY error ORDER BY 2 DESC",
                "SELECT url, title FROM latest WHERE status = 200",
            ],
        };
        let text = format!(
            "\nExamples:\n  haul query {path} \"{}\"\n  haul query {path} \"{}\" -f csv\n",
            examples[0], examples[1]
        );
        written(std::io::stdout().write_all(text.as_bytes()))?;
        Ok(Exit::Success)
    }
}

/// Lists the tables as rows.
fn list(query: &Query, writer: &mut dyn Writer) -> haul::Result<()> {
    writer.columns(&["table".to_owned(), "columns".to_owned()])?;
    for table in query.tables() {
        let columns = table.columns.join(", ");
        writer.row(&[Cell::Text(&table.name), Cell::Text(&columns)])?;
    }
    Ok(())
}

/// Prints a message for people.
fn say(text: &str) {
    crate::write_stderr(&format!("haul: {}\n", clean(text)));
}
