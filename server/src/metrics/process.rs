//! The standard `process_*` metrics, from the kernel's own accounting.

use std::fmt::Write as _;

use rustix::process::{Resource, getrlimit};

/// Appends what can be read; what cannot is left out.
pub(super) fn append(text: &mut String) {
    let ticks_per_second = rustix::param::clock_ticks_per_second() as f64;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The command's name may hold spaces and brackets: fields are counted after its last bracket.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let field = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok());
    if let (Some(user), Some(system)) = (field(11), field(12)) {
        gauge(text, "process_cpu_seconds", "counter", "_total", (user + system) / ticks_per_second);
    }
    if let Some(pages) = field(21) {
        gauge(text, "process_resident_memory_bytes", "gauge", "", pages * rustix::param::page_size() as f64);
    }
    if let Some(bytes) = field(20) {
        gauge(text, "process_virtual_memory_bytes", "gauge", "", bytes);
    }
    if let Ok(entries) = std::fs::read_dir("/proc/self/fd") {
        gauge(text, "process_open_fds", "gauge", "", entries.count() as f64);
    }
    if let Some(limit) = getrlimit(Resource::Nofile).current {
        gauge(text, "process_max_fds", "gauge", "", limit as f64);
    }
}

fn gauge(text: &mut String, name: &str, kind: &str, suffix: &str, value: f64) {
    writeln!(text, "# TYPE {name} {kind}\n{name}{suffix} {value}").expect("writing to a String cannot fail");
}
