//! haul as a program: whatever it prints is searched for secrets.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{
    Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Output, Stdio,
};

use crate::leaks;

/// The path of the program.
pub(crate) const PATH: &str = env!("CARGO_BIN_EXE_haul");

/// A command that runs the program.
#[derive(Debug)]
pub(crate) struct Program(Command);

/// The running program.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Option<Searched<ChildStdout>>,
    pub(crate) stderr: Option<Searched<ChildStderr>>,
}

/// Output that is searched while it is read.
#[derive(Debug)]
pub(crate) struct Searched<R> {
    output: R,
    read: Vec<u8>,
}

impl Program {
    /// The program in this folder, with an environment that says nothing to it.
    pub(crate) fn new(folder: &Path, arguments: &[&str]) -> Self {
        Self::at(PATH.as_ref(), folder, arguments)
    }

    /// The same for a copy of the program, or for another program that runs it.
    pub(crate) fn at(path: &Path, folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(path);
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"HAUL_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .current_dir(folder)
            .env("XDG_CONFIG_HOME", folder)
            .env("XDG_RUNTIME_DIR", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self(command)
    }

    /// A script of this shell, with the program as the command `haul`.
    pub(crate) fn by(shell: &str, folder: &Path, script: &str) -> Self {
        let mut search = vec![Path::new(PATH).parent().unwrap().to_owned()];
        search.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
        let mut command = Self::at(shell.as_ref(), folder, &["-c", script]);
        command.env("PATH", std::env::join_paths(search).unwrap());
        command
    }

    pub(crate) fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Self {
        self.0.arg(argument);
        self
    }

    pub(crate) fn args(&mut self, arguments: &[&str]) -> &mut Self {
        self.0.args(arguments);
        self
    }

    pub(crate) fn env(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn env_remove(&mut self, name: impl AsRef<OsStr>) -> &mut Self {
        self.0.env_remove(name);
        self
    }

    pub(crate) fn stdin(&mut self, input: impl Into<Stdio>) -> &mut Self {
        self.0.stdin(input);
        self
    }

    pub(crate) fn stdout(&mut self, output: impl Into<Stdio>) -> &mut Self {
        self.0.stdout(output);
        self
    }

    pub(crate) fn stderr(&mut self, output: impl Into<Stdio>) -> &mut Self {
        self.0.stderr(output);
        self
    }

    /// Runs it in a process group of its own.
    pub(crate) fn in_a_group(&mut self) -> &mut Self {
        self.0.process_group(0);
        self
    }

    /// Runs it as another user.
    pub(crate) fn as_user(&mut self, id: u32) -> &mut Self {
        self.0.uid(id).gid(id);
        self
    }

    pub(crate) fn output(&mut self) -> io::Result<Output> {
        let output = self.0.output()?;
        search(&output);
        Ok(output)
    }

    pub(crate) fn status(&mut self) -> io::Result<ExitStatus> {
        Ok(self.output()?.status)
    }

    pub(crate) fn spawn(&mut self) -> io::Result<Process> {
        let mut child = self.0.spawn()?;
        Ok(Process {
            stdin: child.stdin.take(),
            stdout: child.stdout.take().map(Searched::new),
            stderr: child.stderr.take().map(Searched::new),
            child,
        })
    }
}

fn search(output: &Output) {
    leaks::search("standard output", &output.stdout);
    leaks::search("standard error", &output.stderr);
}

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }

    pub(crate) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()
    }

    pub(crate) fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.stdin.take());
        self.child.stdout = self.stdout.take().map(|searched| searched.output);
        self.child.stderr = self.stderr.take().map(|searched| searched.output);
        let output = self.child.wait_with_output()?;
        search(&output);
        Ok(output)
    }
}

impl<R> Searched<R> {
    fn new(output: R) -> Self {
        Self {
            output,
            read: Vec::new(),
        }
    }
}

impl<R: Read> Read for Searched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        /// Longer than any form of a secret.
        const OVERLAP: usize = 200;
        let count = self.output.read(buffer)?;
        self.read.extend_from_slice(&buffer[..count]);
        leaks::search("the output", &self.read);
        let done = self.read.len().saturating_sub(OVERLAP);
        self.read.drain(..done);
        Ok(count)
    }
}
