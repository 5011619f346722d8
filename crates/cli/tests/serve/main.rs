//! `certvouch serve` and `certvouch config` as processes: what goes in through sockets, files and signals, and what
//! comes out.

mod config;
mod connections;
mod http;
mod log;
mod reload;
mod start;
mod stop;
mod support;
