//! A program of the mesh, with its log.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running program. Dropping it ends the program.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program, and writes its output to `{folder}/{name}.log`.
    ///
    /// # Panics
    ///
    /// If the program cannot start.
    pub fn start(name: &str, folder: &Path, command: &mut Command) -> Self {
        std::fs::create_dir_all(folder).expect("a folder for logs");
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log).expect("a log");
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a log"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: cannot run {:?}: {error}", command.get_program()));
        Self { name: name.to_owned(), child, log }
    }

    /// Waits until `condition` returns a value.
    ///
    /// # Panics
    ///
    /// If the program exits, or if the condition has no value after the timeout.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        timeout: Duration,
        mut condition: impl FnMut() -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(value) = condition() {
                return value;
            }
            if let Some(status) = self.child.try_wait().expect("the status of a child") {
                panic!("{} exited ({status}) before {what}:\n{}", self.name, self.log_end());
            }
            assert!(Instant::now() < deadline, "{}: no {what} in time:\n{}", self.name, self.log_end());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Returns what the program has written.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Returns the last 40 lines of the log.
    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end, and returns its standard output.
///
/// # Panics
///
/// If the program cannot start or fails.
pub fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}
