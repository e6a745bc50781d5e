//! Resolving names: cached, asked once, with a deadline.
//!
//! `getaddrinfo` cannot be cancelled and does not report lifetimes. So at most a few threads call it at a time,
//! once per name however many requests wait for it; answers are cached for a minute and refusals for ten seconds,
//! and each request leaves at its own deadline. `localhost` and names under it are this machine (RFC 6761 6.3)
//! without a lookup.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::dns_error::DnsError;
use super::fault;
use super::settings::Override;
use crate::url::address;

/// How long an answer is cached: `getaddrinfo` has no lifetime, so it is a short guess.
const KEEP_ANSWER: Duration = Duration::from_secs(60);
/// How long a refusal is cached.
const KEEP_REFUSAL: Duration = Duration::from_secs(10);
/// The most lookups at a time; the libc call blocks a thread each.
const THREADS: usize = 16;
/// The most names in the cache; if full, it drops expired names, then all.
const NAMES: usize = 100_000;
/// The most addresses that are used of one answer.
const ADDRESSES: usize = 16;

type Answer = Result<Arc<[SocketAddr]>, DnsError>;

/// The resolver for every thread of a run.
#[derive(Clone)]
pub(crate) struct Resolver {
    shared: Arc<Shared>,
}

struct Shared {
    overrides: Vec<Override>,
    within: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    names: HashMap<String, Name>,
    questions: VecDeque<String>,
    threads: usize,
}

enum Name {
    Known { answer: Answer, until: Instant },
    Asked(Vec<Waiter>),
}

enum Waiter {
    Task(oneshot::Sender<Answer>),
    Thread(SyncSender<Answer>),
}

enum Look {
    Known(Answer),
    Asked,
}

impl Resolver {
    /// A resolver with these overrides.
    ///
    /// `within` is how long one name may take; zero for no limit.
    pub(crate) fn new(overrides: Vec<Override>, within: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                overrides,
                within,
                state: Mutex::default(),
            }),
        }
    }

    /// The addresses of a name; port 0 stands for the URL's own port.
    pub(crate) async fn addresses(&self, name: &str) -> Result<Arc<[SocketAddr]>, DnsError> {
        let (sender, receiver) = oneshot::channel();
        match self.look(name, Waiter::Task(sender)) {
            Look::Known(answer) => answer,
            Look::Asked if self.shared.within.is_zero() => {
                receiver.await.unwrap_or_else(|_| Err(lost()))
            }
            Look::Asked => match tokio::time::timeout(self.shared.within, receiver).await {
                Ok(answer) => answer.unwrap_or_else(|_| Err(lost())),
                Err(_) => Err(DnsError::Late(self.shared.within)),
            },
        }
    }

    /// [`addresses`](Self::addresses) for a thread that may block.
    pub(crate) fn addresses_blocking(&self, name: &str) -> Result<Arc<[SocketAddr]>, DnsError> {
        let (sender, receiver) = sync_channel(1);
        match self.look(name, Waiter::Thread(sender)) {
            Look::Known(answer) => answer,
            Look::Asked if self.shared.within.is_zero() => {
                receiver.recv().unwrap_or_else(|_| Err(lost()))
            }
            Look::Asked => match receiver.recv_timeout(self.shared.within) {
                Ok(answer) => answer,
                Err(_) => Err(DnsError::Late(self.shared.within)),
            },
        }
    }

    fn look(&self, name: &str, waiter: Waiter) -> Look {
        if let Some(answer) = self.without_asking(name) {
            return Look::Known(answer);
        }
        let mut state = self.shared.lock();
        match state.names.get_mut(name) {
            Some(Name::Known { answer, until }) if *until > Instant::now() => {
                return Look::Known(answer.clone());
            }
            Some(Name::Asked(waiters)) => {
                waiters.push(waiter);
                return Look::Asked;
            }
            _ => {}
        }
        state.make_room();
        state
            .names
            .insert(name.to_owned(), Name::Asked(vec![waiter]));
        state.questions.push_back(name.to_owned());
        if state.threads < THREADS {
            state.threads += 1;
            let shared = self.shared.clone();
            let started = thread::Builder::new()
                .name("resolve".into())
                .spawn(move || shared.ask());
            if let Err(error) = started {
                state.threads -= 1;
                if state.threads == 0 {
                    return Look::Known(state.give_up(&error));
                }
            }
        }
        Look::Asked
    }

    fn without_asking(&self, name: &str) -> Option<Answer> {
        if let Some(found) = self
            .shared
            .overrides
            .iter()
            .find(|entry| entry.matches(name))
        {
            return Some(Ok(found.addresses.clone().into()));
        }
        let bare = name.strip_suffix('.').unwrap_or(name);
        let local = bare.eq_ignore_ascii_case("localhost")
            || bare.len() > 10
                && bare.as_bytes()[bare.len() - 10..].eq_ignore_ascii_case(b".localhost");
        local.then(|| {
            let addresses = [
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(Ipv6Addr::LOCALHOST),
            ];
            Ok(addresses.map(|address| SocketAddr::new(address, 0)).into())
        })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The loop of one thread: looks names up until none is waiting.
    fn ask(&self) {
        loop {
            let mut state = self.lock();
            let Some(name) = state.questions.pop_front() else {
                state.threads -= 1;
                return;
            };
            drop(state);
            let answer: Answer = match (name.as_str(), 0).to_socket_addrs() {
                Ok(found) => match found.take(ADDRESSES).collect::<Vec<_>>() {
                    none if none.is_empty() => {
                        Err(DnsError::Refused("the name has no address".into()))
                    }
                    addresses => Ok(addresses.into()),
                },
                Err(error) => Err(refusal(&error)),
            };
            let keep = match &answer {
                Ok(_) => KEEP_ANSWER,
                Err(DnsError::Shortage(_)) => Duration::ZERO, // it says nothing about the name
                Err(_) => KEEP_REFUSAL,
            };
            let known = Name::Known {
                answer: answer.clone(),
                until: Instant::now() + keep,
            };
            let before = self.lock().names.insert(name, known);
            if let Some(Name::Asked(waiters)) = before {
                pay(waiters, &answer);
            }
        }
    }
}

impl State {
    /// Fails all lookups if there is no thread to do them.
    fn give_up(&mut self, error: &io::Error) -> Answer {
        let answer = Err(DnsError::Shortage(
            format!("cannot start a thread to look up names: {error}").into(),
        ));
        for name in self.questions.drain(..) {
            if let Some(Name::Asked(waiters)) = self.names.remove(&name) {
                pay(waiters, &answer);
            }
        }
        answer
    }

    fn make_room(&mut self) {
        if self.names.len() < NAMES {
            return;
        }
        let now = Instant::now();
        self.names
            .retain(|_, name| !matches!(name, Name::Known { until, .. } if *until <= now));
        if self.names.len() >= NAMES {
            self.names.retain(|_, name| matches!(name, Name::Asked(_)));
        }
    }
}

/// The resolver for clients of reqwest; if guarded, it refuses private addresses.
pub(crate) struct ClientResolver {
    pub(crate) resolver: Resolver,
    pub(crate) guarded: bool,
    /// A name that may have any address: that of the proxy.
    pub(crate) trusted: Option<String>,
}

impl reqwest::dns::Resolve for ClientResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let is_trusted = self.trusted.as_deref() == Some(name.as_str());
        let (resolver, guarded) = (self.resolver.clone(), self.guarded && !is_trusted);
        Box::pin(async move {
            let addresses = resolver.addresses(name.as_str()).await?;
            if guarded {
                check_public(&addresses)?;
            }
            let addresses = addresses.to_vec();
            Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

/// Refuses an answer with a private address: one among public ones is how rebinding starts.
pub(super) fn check_public(addresses: &[SocketAddr]) -> Result<(), DnsError> {
    let private = addresses
        .iter()
        .find(|address| !address::is_public(address.ip()));
    match private {
        Some(private) => Err(DnsError::Private(private.ip())),
        None => Ok(()),
    }
}

fn lost() -> DnsError {
    DnsError::Refused("the question was lost".into())
}

fn pay(waiters: Vec<Waiter>, answer: &Answer) {
    for waiter in waiters {
        // A waiter that gave up is gone.
        match waiter {
            Waiter::Task(sender) => drop(sender.send(answer.clone())),
            Waiter::Thread(sender) => drop(sender.try_send(answer.clone())),
        }
    }
}

/// What a failed lookup means.
///
/// If no file can be opened, `getaddrinfo` claims that the name server does not respond, so whether a file can be
/// opened is tried here.
fn refusal(error: &io::Error) -> DnsError {
    let short = File::open("/dev/null").err();
    let short = short.iter().chain([error]).find_map(fault::shortage);
    match short {
        Some(words) => DnsError::Shortage(words.into()),
        None => DnsError::Refused(plain(error).into()),
    }
}

/// The message of glibc without its prefix.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ")
        .unwrap_or(&text)
        .to_lowercase()
}
