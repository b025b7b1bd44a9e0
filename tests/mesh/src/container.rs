//! Mount namespaces in place of containers: a program sees the files of this machine, and volumes
//! that only it sees.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::network::Pod;

/// Runs a program with volumes: `NAME (SOURCE TARGET)… -- PROGRAM ARGUMENT…`. The root directory is
/// a new one with the directories of this machine, because a volume such as `/certs` needs a
/// directory that this machine does not have.
const SCRIPT: &str = r#"
root=/run/container-$1; shift
mkdir -p "$root"
mount -t tmpfs tmpfs "$root"
for entry in /*; do
    if [ -L "$entry" ]; then cp -P "$entry" "$root"
    elif [ "$entry" = /run ] || [ ! -d "$entry" ]; then continue
    else mkdir "$root$entry"; mount --rbind "$entry" "$root$entry"
    fi
done
while [ "$1" != -- ]; do
    [ -e "$root$2" ] || mkdir -p "$root$2"
    mount --bind "$1" "$root$2"
    shift 2
done
shift
exec chroot "$root" "$@"
"#;

/// A program to run with volumes.
pub struct Container {
    name: String,
    volumes: Vec<(PathBuf, String)>,
}

impl Container {
    /// Makes a container without volumes. Each running container needs another name.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), volumes: Vec::new() }
    }

    /// Mounts a directory or a file. The last volume for a path has effect.
    #[must_use]
    pub fn volume(mut self, source: &Path, target: &str) -> Self {
        self.volumes.push((source.to_owned(), target.to_owned()));
        self
    }

    /// Returns a command that runs the program in the network of the node, or of a pod.
    pub fn command(&self, pod: Option<&Pod>, program: &Path) -> Command {
        let mut command = match pod {
            Some(pod) => pod.command("unshare"),
            None => Command::new("unshare"),
        };
        command.args(["--mount", "sh", "-ec", SCRIPT, "sh", &self.name]);
        for (source, target) in &self.volumes {
            command.arg(source).arg(target);
        }
        command.arg("--").arg(program);
        command
    }
}
