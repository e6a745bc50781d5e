//! A headless browser, driven over the DevTools protocol: just enough to look at one page.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use crate::tools;

/// How long the browser may take to respond.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one open page; dropping it ends the browser.
pub(crate) struct Browser {
    child: Child,
    socket: WebSocket<TcpStream>,
    directory: tempfile::TempDir,
    session: Option<String>,
    calls: u64,
    events: Vec<Value>,
}

impl Browser {
    /// Starts the browser with an empty page, and subscribes to its events.
    ///
    /// Returns `None` if there is no browser.
    pub(crate) fn start() -> Option<Self> {
        let chromium = tools::program("chromium")?;
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(chromium)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
            .args(["--no-first-run", "--disable-background-networking"])
            .arg("--remote-debugging-port=0")
            .arg(format!("--user-data-dir={}", directory.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let address = listening(child.stderr.take().unwrap());
        let (_, after) = address.split_once("://").unwrap();
        let (host, _) = after.split_once('/').unwrap();
        let stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, _) = tungstenite::client(&address, stream).unwrap();
        let mut browser = Self {
            child,
            socket,
            directory,
            session: None,
            calls: 0,
            events: Vec::new(),
        };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let wish = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", &wish);
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser.screen(1100, 900);
        Some(browser)
    }

    /// Opens HTML as a file, waits until all its charts are drawn, and returns the file's URL.
    pub(crate) fn open(&mut self, html: &str) -> String {
        let file = self.directory.path().join("report.html");
        fs::write(&file, html).unwrap();
        let address = format!("file://{}", file.display());
        self.visit(&address);
        self.drawn();
        address
    }

    /// Opens a URL, and waits until everything on its page is loaded.
    pub(crate) fn visit(&mut self, address: &str) {
        self.events.clear();
        self.call("Page.navigate", &json!({ "url": address }));
        while !self
            .events
            .iter()
            .any(|event| event["method"] == "Page.loadEventFired")
        {
            let event = self.read();
            self.events.push(event);
        }
    }

    /// Waits until every chart in an open part of the page is drawn.
    pub(crate) fn drawn(&mut self) {
        self.until("[...document.querySelectorAll('[data-chart]')].every((box) => box.querySelector('svg'))");
    }

    /// Sets the size of the window, in CSS pixels.
    pub(crate) fn screen(&mut self, width: u32, height: u32) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Sets the system's preferred color scheme: "light" or "dark".
    pub(crate) fn prefer(&mut self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.call(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [feature] }),
        );
    }

    /// Emulates a medium: "screen" or "print".
    pub(crate) fn media(&mut self, medium: &str) {
        self.call("Emulation.setEmulatedMedia", &json!({ "media": medium }));
    }

    /// Prints the page, and discards the result.
    pub(crate) fn print(&mut self) {
        self.call("Page.printToPDF", &json!({ "printBackground": true }));
    }

    /// Moves the pointer to a position in the window.
    pub(crate) fn point(&mut self, x: f64, y: f64) {
        self.call(
            "Input.dispatchMouseEvent",
            &json!({ "type": "mouseMoved", "x": x, "y": y }),
        );
    }

    /// The value of an expression in the page.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let wish = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", &wish);
        assert!(
            answer.get("exceptionDetails").is_none(),
            "{expression}: {answer}"
        );
        answer["result"]["value"].clone()
    }

    /// Waits, frame by frame, until an expression is true.
    pub(crate) fn until(&mut self, condition: &str) {
        let promise = format!(
            "new Promise((done) => {{ const end = performance.now() + 10000; const look = () => \
             ({condition}) ? done(true) : performance.now() > end ? done(false) : requestAnimationFrame(look); look(); }})"
        );
        assert_eq!(
            self.evaluate(&promise),
            true,
            "never came true: {condition}"
        );
    }

    /// What went wrong since the page was opened: exceptions, console errors, dialogs.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        self.evaluate("1"); // earlier events arrive before the response
        let wrong = |event: &&Value| match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" | "Page.javascriptDialogOpening" => true,
            "Runtime.consoleAPICalled" => event["params"]["type"] != "log",
            "Log.entryAdded" => event["params"]["entry"]["level"] != "verbose",
            _ => false,
        };
        self.events
            .iter()
            .filter(wrong)
            .map(Value::to_string)
            .collect()
    }

    /// The URLs requested since the page was opened, including its own.
    pub(crate) fn requests(&self) -> Vec<String> {
        let requests = self
            .events
            .iter()
            .filter(|event| event["method"] == "Network.requestWillBeSent");
        requests
            .map(|event| {
                event["params"]["request"]["url"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.calls += 1;
        let mut call = json!({ "id": self.calls, "method": method, "params": params });
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(call.to_string())).unwrap();
        loop {
            let mut message = self.read();
            if message["id"] == self.calls {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].take();
            }
            self.events.push(message);
        }
    }

    fn read(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.socket.read().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address on which the browser listens; its later output is read and discarded.
fn listening(stderr: impl Read + Send + 'static) -> String {
    let mut lines = BufReader::new(stderr).lines();
    let mut output = String::new();
    for line in lines.by_ref() {
        let line = line.unwrap();
        if let Some((_, address)) = line.split_once("DevTools listening on ") {
            let address = address.trim().to_owned();
            thread::spawn(move || lines.for_each(drop));
            return address;
        }
        output.push_str(&line);
        output.push('\n');
    }
    panic!("the browser ended at once:\n{output}");
}
