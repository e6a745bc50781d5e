//! The tables of a job as anybody may query them, with names that stay whatever the tables of the store look like.

use crate::job::{Role, Via};

/// The names of the views.
pub(crate) const JOB_VIEWS: [&str; 6] = ["urls", "waiting", "done", "failed", "skipped", "hosts"];

/// The statements that create the views for one connection, over the tables of its main database.
pub(crate) fn job_views() -> String {
    let kind = format!(
        "CASE u.role WHEN {} THEN 'asset' WHEN {} THEN 'robots' WHEN {} THEN 'sitemap' WHEN {} THEN 'external' \
         WHEN {} THEN 'segment' ELSE 'page' END AS kind",
        Role::Asset as u8,
        Role::Robots as u8,
        Role::Sitemap as u8,
        Role::External as u8,
        Role::Segment as u8,
    );
    let via = format!(
        "CASE u.via WHEN {} THEN 'seed' WHEN {} THEN 'redirect' WHEN {} THEN 'sitemap' ELSE 'link' END AS via",
        Via::Seed as u8,
        Via::Redirect as u8,
        Via::Sitemap as u8,
    );
    format!(
        "CREATE TEMP VIEW urls AS SELECT u.id, u.url, h.host, \
           CASE u.state WHEN 1 THEN 'done' WHEN 2 THEN 'failed' WHEN 3 THEN 'skipped' ELSE 'waiting' END AS state, \
           u.status, u.class, u.message, {kind}, {via}, u.depth, u.row, page.url AS found_on \
         FROM main.urls AS u JOIN main.hosts AS h ON h.id = u.host LEFT JOIN main.urls AS page ON page.id = u.found_on; \
         CREATE TEMP VIEW waiting AS SELECT id, url, host, kind, via, depth, row, found_on FROM urls WHERE state = 'waiting'; \
         CREATE TEMP VIEW done AS SELECT id, url, host, status, kind, via, depth, row, found_on FROM urls \
           WHERE state = 'done'; \
         CREATE TEMP VIEW failed AS SELECT id, url, host, status, class, message, kind, via, depth, row, found_on \
           FROM urls WHERE state = 'failed'; \
         CREATE TEMP VIEW skipped AS SELECT id, url, host, class, message, kind, via, depth, row, found_on FROM urls \
           WHERE state = 'skipped'; \
         CREATE TEMP VIEW hosts AS SELECT h.host, count(*) AS urls, sum(u.state IN (0, 4)) AS waiting, \
           sum(u.state = 1) AS done, sum(u.state = 2) AS failed, sum(u.state = 3) AS skipped \
         FROM main.urls AS u JOIN main.hosts AS h ON h.id = u.host GROUP BY u.host;"
    )
}
