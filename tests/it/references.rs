//! The references that haul finds, compared with what a browser requests.
//!
//! Pages with every construct are crawled, mirrored, and opened in Chromium.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use haul::origin::{Origin, Response, Site};

use crate::cli::haul;
use crate::folder::Folder;
use crate::report::browser::Browser;

/// An image of one pixel.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\nIDATx\x9cc\0\x01\0\0\x05\0\x01\
    \r\n-\xb4\0\0\0\0IEND\xaeB`\x82";

const PAGE: &str = r##"<!doctype html><title>t</title>
<link rel=stylesheet href="/r/link.css"><link rel=preload as=image imagesrcset="/r/preload-1.png 1x, /r/preload-2.png 2x">
<style>@import "/r/import.css"; @\69mport "/r/import-escaped.css";
.a{background:u\72l(/r/escaped.png)} .b{background:image-set("/r/set-1.png" 1x, "/r/set-2.png" type("image/png") 2x)}
.c{background:-webkit-image-set(url(/r/webkit.png) 1x)} .d{background:/* ' url(/r/comment.png) */url( '/r/quoted.png' )}</style>
<body background="/r/body.png"><p>p</p><i class=a>a</i><i class=b>b</i><i class=c>c</i><i class=d>d</i>
<table background="/r/table.png"><tbody background="/r/tbody.png"><tr background="/r/tr.png"><td background="/r/td.png">x</table>
<div background="/r/div.png" style="background:url(&quot;/r/style.png&quot;)">x</div>
<img src="/r/img.png"><img srcset="/r/img-1.png 1x, /r/img-2.png 2x"><img data-src="/r/lazy.png" data-srcset="/r/lazy-1.png 1x">
<picture><source srcset="/r/source.png"><img src="/r/fallback.png"></picture>
<iframe src="/r/frame.html"></iframe>
<iframe srcdoc="<img src=/r/doc.png><style>b{background:url(/r/doc-style.png)}</style><b>x</b><iframe srcdoc='&amp;lt;img src=/r/inner.png>'>"></iframe>
<video poster="/r/poster.png" src="/r/video.mp4" preload=auto></video><audio src="/r/audio.mp3" preload=auto></audio>
<script src="/r/script.js"></script><embed src="/r/embed.svg" type="image/svg+xml"><object data="/r/object.svg" type="image/svg+xml"></object>
<input type=image src="/r/input.png"><input src="/r/no-image.png">
<svg width=99 height=99><image href="/r/svg-image.png" width=9 height=9 /><image xlink:href="/r/svg-xlink.png" width=9 height=9 />
<use href="/r/sprite.svg#a" /><use href="#f" /><filter id=f><feImage href="/r/fe.png" /></filter><g filter="url(#f)"><rect width=9 height=9 /></g>
<rect width=9 height=9 mask="url(/r/mask.svg#m)" /><rect width=9 height=9 style="mask-image:url(/r/svg-attribute.png)" />
<style>circle { mask-image: url("/r/svg-style.png?a&amp;b") }</style><circle r=9 /><script href="/r/svg-script.js"></script></svg>"##;

const XHTML: &str = r##"<?xml version="1.0"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">
<html xmlns="http://www.w3.org/1999/xhtml"><head><script src="/r/first.js"/><title><![CDATA[A & B]]></title><style/>
<style><![CDATA[p > i { background: url(/r/x-style.png) }]]></style><style>b { background: url("/r/x-text.png?a&amp;b") }</style>
<script><![CDATA[ var x = "<img src='/r/in-script.png'>"; ]]></script></head>
<body><textarea/><iframe/><p><i>caf&eacute; &amp; <em>tea</em></i><b>x</b></p><img src="/r/x-img.png" alt=""/><a href="x-page.xhtml">link</a>
<svg xmlns="http://www.w3.org/2000/svg"><image width="9" height="9" href="/r/x-svg.png"/></svg></body></html>"##;

const DRAWING: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9">
<style>rect { mask-image: url(/r/drawing-style.png) }</style><image xlink:href="/r/drawing-image.png" width="9" height="9"/><rect width="9" height="9"/>
<g id="a"/><mask id="m"/></svg>"##;

fn site() -> Origin {
    let resource = Response::call(|request| {
        let path = request.path().to_owned();
        let end = path.rsplit_once('.').map_or("", |(_, end)| end);
        let (kind, body) = match end {
            "css" if path == "/r/link.css" => (
                "text/css",
                &b"@import url(nested.css); u{} p{background-image:url('in-css.png')}"[..],
            ),
            "css" => ("text/css", &b"q{}"[..]),
            "js" => ("text/javascript", &b"1"[..]),
            "html" => ("text/html", &b"<p>x"[..]),
            "svg" if path == "/r/object.svg" => ("image/svg+xml", DRAWING.as_bytes()),
            "svg" => (
                "image/svg+xml",
                &b"<svg xmlns='http://www.w3.org/2000/svg'><g id='a'/><mask id='m'/></svg>"[..],
            ),
            "png" => ("image/png", PICTURE),
            _ => return Response::status(404),
        };
        Response::body(kind, body)
    });
    let site = Site::builder()
        .route("/page", Response::page(PAGE))
        .route("/x", Response::body("application/xhtml+xml", XHTML))
        .route(
            "/x-page.xhtml",
            Response::body("application/xhtml+xml", XHTML),
        )
        .fallback(resource);
    Origin::of(site.build().unwrap()).unwrap()
}

/// The resources requested since the log was cleared.
fn requested(site: &Origin) -> BTreeSet<String> {
    let hits = site.log().all_hits();
    let paths = hits.iter().map(|hit| hit.path.clone());
    paths.filter(|path| path.starts_with("/r/")).collect()
}

fn crawl(folder: &Path, words: &[&str]) -> String {
    let output = haul(
        folder,
        &[
            &["crawl", "-q", "--sitemaps", "none", "-o", "records.jsonl"],
            words,
        ]
        .concat(),
    )
    .output()
    .unwrap();
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn haul_finds_what_a_browser_requests_and_the_other_references_are_known() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let site = site();
    for (page, besides) in [
        (
            "/page",
            &[
                "/r/fallback.png",
                "/r/img-2.png",
                "/r/lazy-1.png",
                "/r/lazy.png",
                "/r/preload-2.png",
                "/r/set-2.png",
            ][..],
        ),
        ("/x", &[]),
    ] {
        site.log().clear();
        browser.visit(&site.url(page));
        let theirs = requested(&site);
        assert!(theirs.len() > 4, "{theirs:?}");
        site.log().clear();
        let folder = Folder::new();
        let stderr = crawl(folder.path(), &["--assets", "-d", "1", &site.url(page)]);
        let ours = requested(&site);
        let missed: Vec<_> = theirs.difference(&ours).collect();
        assert!(missed.is_empty(), "{page}: not found: {missed:?}\n{stderr}");
        let more: Vec<_> = ours.difference(&theirs).collect();
        assert_eq!(more, besides, "{page}");
    }
}

#[test]
fn a_mirror_in_a_browser_requests_nothing_from_the_site() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let site = site();
    for (page, file) in [("/page", ["page", ".html"]), ("/x", ["x", ".xhtml"])] {
        let folder = Folder::new();
        let stderr = crawl(
            folder.path(),
            &["--mirror", "copy", "-d", "1", &site.url(page)],
        );
        let copy = find_file(&folder.path().join("copy"), file).expect(&stderr);
        site.log().clear();
        browser.visit(&format!("file://{}", copy.display()));
        let requests = browser.requests();
        assert!(requests.len() > 4, "{page}: {requests:?}");
        let missing = |url: &&String| match url.strip_prefix("file://") {
            Some(path) => {
                let path = path.split(['#', '?']).next().unwrap();
                let path = percent_encoding::percent_decode_str(path)
                    .decode_utf8()
                    .unwrap();
                !Path::new(&*path).exists()
            }
            None => !url.starts_with("data:") && !url.ends_with(".mp4") && !url.ends_with(".mp3"),
        };
        let missing: Vec<_> = requests.iter().filter(missing).collect();
        assert!(missing.is_empty(), "{page}: {missing:?}");
        assert_eq!(
            browser.evaluate("document.querySelectorAll('img').length > 0"),
            true
        );
    }
}

/// The file with this prefix and suffix in the folder of a host.
fn find_file(folder: &Path, name: [&str; 2]) -> Option<PathBuf> {
    let hosts = fs::read_dir(folder).ok()?.flatten();
    let mut files = hosts
        .flat_map(|host| fs::read_dir(host.path()))
        .flatten()
        .flatten();
    files.find_map(|file| {
        let own = file.file_name().into_string().ok()?;
        let is_it = own.starts_with(name[0]) && own.ends_with(name[1]);
        is_it.then(|| file.path())
    })
}

#[test]
fn a_page_of_xhtml_is_read_by_the_rules_of_xml() {
    let (site, folder) = (site(), Folder::new());
    let output = haul(
        folder.path(),
        &[
            "fetch",
            "-q",
            "-f",
            "jsonl",
            "--metadata",
            "--markdown",
            "-s",
            "first=p i",
            "-s",
            "link=a@href|url",
            &site.url("/x"),
        ],
    )
    .output()
    .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&output.stdout).expect(&stderr);
    assert_eq!(record["title"], "A & B");
    assert_eq!(record["fields"]["first"], "café & tea");
    assert_eq!(record["fields"]["link"], site.url("/x-page.xhtml"));
    assert_eq!(record["metadata"]["title"], "A & B");
    assert!(
        record["markdown"].as_str().unwrap().contains("café"),
        "{record}"
    );
}
