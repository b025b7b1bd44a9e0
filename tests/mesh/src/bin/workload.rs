//! A workload behind a sidecar: an HTTP API on the ports of the arguments but the last, and on the
//! last a service that returns each byte it gets. Runs until the test ends it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use test_support::backend::Backend;

fn main() {
    let ports: Vec<u16> =
        std::env::args().skip(1).map(|port| port.parse().expect("arguments are ports")).collect();
    let (tcp, http) = ports.split_last().expect("arguments: ports");
    let _apis: Vec<Backend> =
        http.iter().map(|port| Backend::start_on((Ipv4Addr::UNSPECIFIED, *port).into())).collect();
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, *tcp)).expect("the port is free");
    for stream in listener.incoming().flatten() {
        std::thread::spawn(|| echo(stream));
    }
}

fn echo(mut stream: TcpStream) {
    let mut bytes = [0; 1024];
    while let Ok(read @ 1..) = stream.read(&mut bytes) {
        if stream.write_all(&bytes[..read]).is_err() {
            return;
        }
    }
}
