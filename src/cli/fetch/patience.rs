//! The flags that say how long to wait, and how often to try again.

use std::time::Duration;

use clap::Args;
use haul::fetch::Deadlines;
use haul::frontier::{FrontierSettings, RetryOn};
use haul::{ByteSize, Error, spelled};

use crate::cli::layers::Settings;

/// How long to wait, and how often to try again.
#[derive(Debug, Args)]
#[command(next_help_heading = "Patience")]
pub(super) struct Patience {
    /// Time for a whole fetch, from sending to the last byte; 0 for no limit, here and below
    #[arg(short, long, value_name = "DURATION", default_value = "5m", value_parser = haul::duration)]
    timeout: Duration,

    /// Time for connecting, the name and TLS included
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = haul::duration)]
    connect_timeout: Duration,

    /// Time for the head of an answer
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = haul::duration)]
    first_byte_timeout: Duration,

    /// Time for each next piece of a body
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = haul::duration)]
    read_timeout: Duration,

    /// Give up on a body that brings less than this a second; 0 for never
    #[arg(long, value_name = "SIZE", default_value = "100B")]
    min_rate: ByteSize,

    /// Time over which --min-rate is measured
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = haul::duration)]
    min_rate_time: Duration,

    /// Tries of a URL after the first
    #[arg(long, value_name = "N", default_value = "2")]
    retries: u8,

    /// What to try again: statuses, 4xx, 5xx, error classes, or none
    ///
    /// Separated by commas or repeated; replaces the default list, which is
    /// 408,425,429,500,502,503,504,dns,connect,closed,cut,timeout,proxy,lost,spool,decode. Of what cannot be decoded, only
    /// what ended early is tried again. A request that the server did not process, or that failed because this machine ran
    /// short of open files, was never tried: it is sent again in any case, and costs none of --retries.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    retry_on: Vec<RetryOn>,

    /// The longest wait that a server may ask for with Retry-After
    ///
    /// A URL whose server asks for more ends with the answer that it got. While a host waits, its other URLs wait
    /// with it: that costs none of --retries.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = haul::duration,
          alias = "retry-max-wait")]
    max_retry_after: Duration,

    /// Pause a host after N failures in a row; 0 for never
    ///
    /// Connections that are refused, reset or time out are failures; those that fail together count as one. After
    /// each pause one URL finds out whether the host is back. The first pause takes a fifth of a second, each further
    /// one twice as long, up to a minute. Failures of a paused host cost none of --retries.
    #[arg(long, value_name = "N", default_value = "5", alias = "give-up-after")]
    pause_after: u32,

    /// Give a host up when it has been down for this long; 0 for never
    ///
    /// Down is a host that was paused and has answered nothing since, or nothing but 429 and 503. The URLs that still
    /// wait for it end as host-down, and the exit code tells; haul retry asks for them again.
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = haul::duration)]
    max_host_down: Duration,
}

impl Patience {
    /// The deadlines.
    ///
    /// # Errors
    /// When one that was asked for can never pass, as the one for the whole fetch comes first.
    pub(super) fn deadlines(&self, settings: &Settings) -> haul::Result<Deadlines> {
        for (flag, part) in [
            ("connect-timeout", self.connect_timeout),
            ("first-byte-timeout", self.first_byte_timeout),
            ("read-timeout", self.read_timeout),
        ] {
            let both = settings.is_set(flag) && settings.is_set("timeout");
            if both && !self.timeout.is_zero() && part > self.timeout {
                return Err(Error::Setting(format!(
                    "--{flag} {} is longer than --timeout {}, which is for the whole fetch",
                    spelled(part),
                    spelled(self.timeout)
                )));
            }
        }
        Ok(Deadlines {
            connect: self.connect_timeout,
            first_byte: self.first_byte_timeout,
            between_chunks: self.read_timeout,
            total: self.timeout,
            least_rate: self.min_rate.0,
            least_rate_over: self.min_rate_time,
        })
    }

    /// What these flags ask of the frontier.
    pub(super) fn apply(&self, frontier: &mut FrontierSettings) {
        frontier.retries = self.retries;
        frontier.max_retry_after = self.max_retry_after;
        frontier.pause_after = self.pause_after;
        frontier.max_down = self.max_host_down;
        if !self.retry_on.is_empty() {
            let mut wanted = RetryOn::nothing();
            self.retry_on.iter().for_each(|items| wanted.merge(items));
            frontier.retry_on = wanted;
        }
    }
}
