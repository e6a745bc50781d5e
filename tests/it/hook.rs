//! Hooks: a program changes or skips each request before it is sent, as the server sees it.

use std::cell::Cell;
use std::rc::Rc;

use haul::frontier::Robots;
use haul::origin::{Hit, Origin, Response, Site};
use haul::sink::{Destination, Format, SinkSettings};
use haul::{Config, Decision, FetchError, JobSettings, PendingRequest, Role, Runner};

use crate::folder::{Folder, files};
use crate::run::{on, on_every_engine, visits};

const SECRET: &str = "s3cret-of-the-hook";

fn signature(method: &str, path: &str) -> String {
    format!("{SECRET} {method} {path}")
}

fn sign(request: &mut PendingRequest<'_>) -> haul::Result<Decision> {
    let path = request.url().as_url().path().to_owned();
    let signature = signature(request.method().as_str(), &path);
    request.set_header("X-Signature", &signature)?;
    assert_eq!(request.headers()["x-signature"], *signature);
    Ok(Decision::Send)
}

fn is_signed(hit: &Hit) -> bool {
    hit.header("x-signature") == Some(&signature(&hit.method, &hit.path))
}

/// A site with a redirect, a page that fails at first, and a robots.txt.
fn site() -> Origin {
    Site::builder()
        .route(
            "/robots.txt",
            Response::body("text/plain", "User-agent: *\nDisallow: /no\n"),
        )
        .route("/old", Response::redirect(302, "/new"))
        .route("/busy", Response::status(500))
        .fallback(Response::page("<title>A page</title>"))
        .start()
        .unwrap()
}

#[test]
fn each_request_is_signed_anew_and_no_record_has_the_signature() {
    on_every_engine(|engine| {
        let site = site();
        let mut config = on(
            engine,
            Config::urls(["/a", "/old", "/busy", "/no"].map(|path| site.url(path))),
        );
        config.frontier.robots = Robots::Obey;
        config.frontier.retries = 1;
        let calls = Rc::new(Cell::new(0));
        let count = calls.clone();
        let runner = Runner::new(config).before_each(move |request| {
            count.set(count.get() + 1);
            sign(request)
        });
        let visits = visits(runner).unwrap();
        assert_eq!(visits.len(), 4);
        let hits = site.log().all_hits();
        let mut paths: Vec<_> = hits.iter().map(|hit| hit.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(
            paths,
            ["/a", "/busy", "/busy", "/new", "/old", "/robots.txt"]
        );
        assert_eq!(calls.get(), 6, "once for each request");
        assert!(hits.iter().all(is_signed), "{hits:?}");
        let debug = format!("{visits:?}");
        assert!(!debug.contains("x-signature"), "{debug}");
    });
}

#[test]
fn what_a_hook_sets_for_one_origin_does_not_follow_a_redirect_to_another() {
    on_every_engine(|engine| {
        let stranger = site();
        let away = Response::redirect(307, stranger.url("/there"));
        let home = Site::builder().route("/away", away).start().unwrap();
        let own = home.url("/");
        let runner = Runner::new(on(engine, Config::urls([home.url("/away")])));
        let visits =
            visits(runner.before_each(
                move |request| match request.url().as_str().starts_with(&own) {
                    true => sign(request),
                    false => Ok(Decision::Send),
                },
            ));
        assert_eq!(visits.unwrap()[0].outcome.as_ref().unwrap().status, 200);
        assert!(home.log().all_hits().iter().all(is_signed));
        let hits = stranger.log().all_hits();
        assert_eq!((hits.len(), hits[0].header("x-signature")), (1, None));
    });
}

#[test]
fn a_request_that_a_hook_skips_is_not_sent_and_its_record_says_why() {
    on_every_engine(|engine| {
        let site = site();
        let urls = (0..600).map(|page| site.url(&format!("/{page}")));
        let config = on(engine, Config::urls(urls.chain([site.url("/old")])));
        let visits = visits(Runner::new(config).before_each(|request| {
            let path = request.url().as_url().path();
            Ok(match path.ends_with('7') || path == "/new" {
                true => Decision::Skip(format!("{path} is not wanted")),
                false => Decision::Send,
            })
        }));
        let visits = visits.unwrap();
        assert_eq!(visits.len(), 601);
        let skipped: Vec<_> = visits
            .iter()
            .filter_map(|visit| visit.outcome.as_ref().err())
            .collect();
        assert_eq!(skipped.len(), 61);
        assert!(skipped.contains(&&FetchError::Skipped("/7 is not wanted".into())));
        assert!(visits.iter().all(|visit| visit.failure().is_none()));
        let redirected = visits
            .iter()
            .find(|visit| visit.job.row == Some(601))
            .unwrap();
        assert_eq!(redirected.job.hops.len(), 1);
        assert_eq!(site.log().requests(), 541);
    });
}

#[test]
fn nothing_is_requested_from_a_host_whose_robots_txt_a_hook_skips() {
    let site = site();
    let mut config = on("async", Config::urls([site.url("/a")]));
    config.frontier.robots = Robots::Obey;
    let visits = visits(Runner::new(config).before_each(|request| {
        assert_eq!(request.job().role, Role::Robots);
        Ok(Decision::Skip("no rules".into()))
    }));
    let error = visits.unwrap().remove(0).outcome.unwrap_err();
    assert_eq!(error, FetchError::Skipped("no rules".into()));
    assert_eq!(site.log().requests(), 0);
}

#[test]
fn a_hook_that_fails_ends_the_run_and_so_does_a_header_that_is_not_its_to_set() {
    for (name, value, problem) in [
        ("Content-Length", "5", "sets this header itself"),
        ("Range", "bytes=0-", "sets this header itself"),
        ("a name", "x", "not the name of a header"),
        ("x", "a\r\nb: c", "its value cannot be in a header"),
    ] {
        let site = site();
        let config = on("async", Config::urls([site.url("/a")]));
        let runner = Runner::new(config).before_each(move |request| {
            request.set_header(name, value)?;
            Ok(Decision::Send)
        });
        let error = visits(runner).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
        assert_eq!(site.log().requests(), 0);
    }
}

#[test]
fn nothing_that_a_hook_sets_is_stored() {
    let (site, folder) = (site(), Folder::new());
    let mut config = on("async", Config::urls([site.url("/old"), site.url("/busy")]));
    config.job = Some(JobSettings {
        folder: folder.path().join("job"),
        fresh: false,
        settings: [("what".to_owned(), "a test".to_owned())].into(),
        may_change: Vec::new(),
    });
    for name in ["out.jsonl", "out.warc", "out.sqlite"] {
        let path = folder.path().join(name);
        config.sinks.push(SinkSettings {
            format: Format::of_path(&path).unwrap(),
            destination: Destination::File {
                path,
                append: false,
            },
        });
    }
    // An archive omits headers that may be secrets, but would include this one.
    let runner = Runner::new(config).before_each(|request| {
        request.set_header("Referer", SECRET)?;
        Ok(Decision::Send)
    });
    assert_eq!(visits(runner).unwrap().len(), 2);
    let hits = site.log().all_hits();
    assert!(hits.iter().all(|hit| hit.header("referer") == Some(SECRET)));
    let files = files(folder.path());
    assert!(files.len() > 4, "{files:?}");
}
