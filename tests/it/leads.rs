//! Which responses a crawl reads links from, and which pages it treats as already seen.

use haul::origin::{Origin, Request, Response, Site};

use crate::cli::run;
use crate::folder::Folder;

/// The requested paths, sorted, each once.
fn requested(origin: &Origin) -> Vec<String> {
    let mut paths = origin.log().paths();
    paths.retain(|path| path != "/robots.txt");
    paths.sort();
    paths.dedup();
    paths
}

fn crawl(origin: &Origin, path: &str, flags: &[&str]) -> Vec<String> {
    let folder = Folder::new();
    let url = origin.url(path);
    let mut words = vec!["crawl", "-q", "--ignore-robots", &url];
    words.extend_from_slice(flags);
    let (code, _, text) = run(folder.path(), &words);
    assert_eq!(code, Some(0), "{text}");
    requested(origin)
}

#[test]
fn a_seed_that_is_a_sitemap_or_feed_is_read_as_one_whatever_its_content_type() {
    let sitemap = "<?xml version='1.0' encoding='UTF-8'?>\n<!-- made -->\n<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>\
                   <url><loc>http://HOST/listed</loc></url></urlset>";
    let bare = "\u{feff}<urlset><url><loc>http://HOST/listed</loc></url></urlset>";
    let feed = "<?xml version='1.0'?><rss version='2.0'><channel><item><link>http://HOST/listed</link></item></channel></rss>";
    let named = [
        "text/html",
        "text/html; charset=utf-8",
        "text/plain",
        "application/octet-stream",
    ];
    for (body, types) in [(sitemap, &named[..]), (bare, &named), (feed, &named[..2])] {
        for &media in types {
            let answer = move |request: &Request| {
                Response::body(media, body.replace("HOST", &request.host()))
            };
            let origin = Site::builder()
                .route_with("/sitemap.xml", answer)
                .fallback(Response::page("well"))
                .start()
                .unwrap();
            let requested = crawl(&origin, "/sitemap.xml", &[]);
            assert_eq!(requested, ["/listed", "/sitemap.xml"], "{media} {body}");
        }
    }
    // A page that displays a sitemap is a page.
    let shown = "<!doctype html><pre>&lt;urlset></pre><urlset><url><loc>/no</loc></url></urlset><a href=/yes>";
    let origin = Site::builder()
        .route("/", Response::page(shown))
        .fallback(Response::page("well"))
        .start()
        .unwrap();
    assert_eq!(crawl(&origin, "/", &[]), ["/", "/yes"]);
}

#[test]
fn a_page_without_links_is_remembered_by_its_text() {
    let text: String = (0..400)
        .map(|word| format!("<p>word{word} of a long text"))
        .collect();
    let origin = Site::builder()
        .route("/", Response::page("<a href=/plain>"))
        .route("/plain", Response::page(text.clone()))
        .route("/linked", Response::page(text + "<a href=/further></a>"))
        .fallback(Response::page("well"))
        .start()
        .unwrap();
    let seeds = [origin.url("/plain"), origin.url("/linked")];
    let folder = Folder::new();
    let words = [
        "crawl",
        "-c",
        "1",
        "--ignore-robots",
        "--skip-similar",
        &seeds[0],
        &seeds[1],
    ];
    let (code, _, stderr) = run(folder.path(), &words);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(requested(&origin), ["/linked", "/plain"]);
    assert!(stderr.contains("similar × 1"), "{stderr}");
}
