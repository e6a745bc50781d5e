//! The flags about timeouts and retries.

use std::time::Duration;

use clap::Args;
use haul::fetch::Deadlines;
use haul::frontier::{FrontierSettings, RetryOn};
use haul::{ByteSize, Error, spelled};

use crate::cli::layers::Settings;

/// Timeouts and retries.
#[derive(Debug, Args)]
#[command(next_help_heading = "Timeouts and retries")]
pub(super) struct Patience {
    /// Time limit for a whole request, to the last byte of the response; 0 for none, here and below
    #[arg(short, long, value_name = "DURATION", default_value = "5m", value_parser = haul::duration)]
    timeout: Duration,

    /// Time limit for connecting, including DNS and TLS
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = haul::duration)]
    connect_timeout: Duration,

    /// Time limit for the response headers
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = haul::duration)]
    first_byte_timeout: Duration,

    /// Time limit between two reads of a body
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = haul::duration)]
    read_timeout: Duration,

    /// Give up on a body that is slower than this per second; 0 for never
    #[arg(long, value_name = "SIZE", default_value = "100B")]
    min_rate: ByteSize,

    /// Period over which --min-rate is measured
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = haul::duration)]
    min_rate_time: Duration,

    /// Retries of a failed URL
    #[arg(long, value_name = "N", default_value = "2")]
    retries: u8,

    /// What to retry: statuses, 4xx, 5xx, error classes, or none
    ///
    /// Separate them by commas or repeat the flag; this replaces the default list, which is
    /// 408,425,429,500,502,503,504,dns,connect,closed,cut,timeout,proxy,lost,spool,decode,checksum. Bodies that cannot
    /// be decoded are retried only if they ended early, and bodies without the SHA-256 of the list only once. Requests that the server did not process, or that failed because this
    /// machine ran out of open files, are always sent again, and do not count against --retries.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    retry_on: Vec<RetryOn>,

    /// Longest Retry-After that is obeyed
    ///
    /// If a server asks for a longer wait, the URL keeps the response that it got. While a host waits, all its URLs wait;
    /// that does not count against --retries. RateLimit fields count too: if nothing is left of a quota, the host is not
    /// asked before it is filled up again, or for this long.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = haul::duration,
          alias = "retry-max-wait")]
    max_retry_after: Duration,

    /// Pause a host after N failures in a row; 0 for never
    ///
    /// Refused, reset and timed-out connections are failures; those that fail at the same time count as one. After each
    /// pause, one URL tests whether the host is back. The first pause takes 200 ms, each further one twice as long, up to
    /// a minute. Failures of a paused host do not count against --retries.
    #[arg(long, value_name = "N", default_value = "5", alias = "give-up-after")]
    pause_after: u32,

    /// Give up on a host that has been down for this long; 0 for never
    ///
    /// A host is down if it was paused and has sent nothing since but 429 and 503. Its remaining URLs fail as host-down
    /// and affect the exit code; haul retry fetches them again.
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = haul::duration)]
    max_host_down: Duration,
}

impl Patience {
    /// The deadlines.
    ///
    /// # Errors
    /// When a deadline is longer than the one for the whole request, and so could never be reached.
    pub(super) fn deadlines(&self, settings: &Settings) -> haul::Result<Deadlines> {
        for (flag, part) in [
            ("connect-timeout", self.connect_timeout),
            ("first-byte-timeout", self.first_byte_timeout),
            ("read-timeout", self.read_timeout),
        ] {
            let both = settings.is_set(flag) && settings.is_set("timeout");
            if both && !self.timeout.is_zero() && part > self.timeout {
                return Err(Error::Setting(format!(
                    "--{flag} {} is longer than --timeout {}, which limits the whole request",
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

    /// Applies these flags to the frontier settings.
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
