//! A job as tables: its URLs and hosts, and beside them what its SQLite outputs have.

use std::path::{Path, PathBuf};

use super::database::Database;
use super::tables::{self, QueryTable};
use crate::error::Result;
use crate::frontier::{JOB_VIEWS, JobReader, job_views};

/// The name under which the first SQLite output of a job is attached; the next one has a 2 at its end.
const OUTPUT: &str = "output";
/// The most outputs that are attached: as many as SQLite can.
const OUTPUTS: usize = 9;

/// Opens a job with its SQLite outputs. Returns its tables too, and the outputs that are not there.
///
/// # Errors
/// When there is no job, it is damaged or of another format, or an output is.
pub(super) fn open(folder: &Path) -> Result<(Database, Vec<QueryTable>, Vec<PathBuf>)> {
    let reader = JobReader::hold(folder)?;
    let known = reader.known();
    let written: Vec<String> = known
        .marks
        .keys()
        .filter_map(|name| name.strip_prefix("sqlite:").map(str::to_owned))
        .collect();
    let directory = known.directory.clone().map(PathBuf::from);
    let is_unchanging = reader.is_unchanging();
    let (connection, path) = reader.into_database()?;
    let mut database = Database::of_job(connection, path, is_unchanging);
    let made = database.connection.execute_batch(&job_views());
    made.map_err(|error| database.broken(&error))?;
    let mut shown = tables::of(&database, "temp", None)?;
    let mut missing = Vec::new();
    let mut count = 0;
    for path in written {
        let Some(found) = find(folder, directory.as_deref(), Path::new(&path)) else {
            missing.push(path.into());
            continue;
        };
        if count == OUTPUTS {
            missing.push(found);
            continue;
        }
        count += 1;
        let name = match count {
            1 => OUTPUT.to_owned(),
            count => format!("{OUTPUT}{count}"),
        };
        database.attach(&found, &name)?;
        if count == 1 {
            lift(&database, &name)?;
        }
        shown.extend(tables::of(&database, &name, Some(&name))?);
    }
    Ok((database, shown, missing))
}

/// Where an output is now: a job that was moved, or copied, has its own outputs in it.
fn find(folder: &Path, directory: Option<&Path>, path: &Path) -> Option<PathBuf> {
    let inside = path.file_name().map(|name| folder.join(name));
    let places = inside.into_iter();
    let places = places.chain(directory.map(|directory| directory.join(path)));
    let mut places = places.chain([path.to_owned()]);
    places.find(|place| place.is_file())
}

/// Makes the tables of an output known by their own names: otherwise `pages` would be the job's own, which is internal.
fn lift(database: &Database, schema: &str) -> Result<()> {
    for table in tables::of(database, schema, None)? {
        let name = &table.name;
        if JOB_VIEWS.contains(&name.as_str()) {
            continue;
        }
        let view = format!("CREATE TEMP VIEW {name} AS SELECT * FROM {schema}.{name}");
        let made = database.connection.execute_batch(&view);
        made.map_err(|error| database.broken(&error))?;
    }
    Ok(())
}
