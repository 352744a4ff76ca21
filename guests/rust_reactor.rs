// SPDX-License-Identifier: MIT
//
// A plug-in in Rust with its standard library, built as a cdylib for WASI preview 1. Such a module
// has no `_initialize`: the host just calls the functions exported below. All reactors of this
// folder export the same functions (README.md).

use std::collections::{BTreeMap, HashMap};
use std::ffi::{c_void, OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::raw::{c_char, c_int};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};
use std::{env, process, ptr, slice, thread};

extern "C" {
    // Rust's std keeps the system's randomness to itself, so take it from the C library that std is built on.
    fn getentropy(buffer: *mut c_void, length: usize) -> c_int;
}

static CALLS: AtomicI32 = AtomicI32::new(0);
static GREETING: Mutex<Vec<u8>> = Mutex::new(Vec::new());

fn random_bytes() -> [u8; 8] {
    let mut bytes = [0; 8];
    let status = unsafe { getentropy(bytes.as_mut_ptr().cast(), bytes.len()) };
    assert_eq!(status, 0, "no system randomness");
    bytes
}

fn since_1970() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}

fn print_report(out: &mut impl Write) -> io::Result<()> {
    let args: Vec<OsString> = env::args_os().collect();
    let first = Instant::now();
    let monotonic = if Instant::now() >= first {
        "ok"
    } else {
        "broken"
    };

    writeln!(out, "language: Rust")?;
    writeln!(
        out,
        "args: {}",
        args.join(OsStr::new(" ")).to_string_lossy()
    )?;
    writeln!(
        out,
        "env: {}",
        env::var("KEY1").unwrap_or_else(|_| "(unset)".into())
    )?;
    writeln!(out, "realtime: {}", since_1970().as_secs())?;
    writeln!(out, "monotonic: {}", monotonic)?;
    writeln!(out, "random: {:016x}", u64::from_be_bytes(random_bytes()))?;
    out.flush()
}

/// Prints what this plug-in was given, and returns the number of lines.
#[no_mangle]
pub extern "C" fn report() -> i32 {
    match print_report(&mut io::stdout().lock()) {
        Ok(()) => 6,
        Err(_) => 0,
    }
}

#[no_mangle]
pub extern "C" fn add(a: i32, b: i32) -> i32 {
    a.wrapping_add(b)
}

#[no_mangle]
pub extern "C" fn count() -> i32 {
    CALLS.fetch_add(1, Ordering::Relaxed) + 1
}

/// 1 + 2 + ... + n, by way of two maps on the heap.
#[no_mangle]
pub extern "C" fn sum(n: i32) -> i64 {
    let mut by_last_digit: HashMap<i32, Vec<i64>> = HashMap::new();
    for i in 1..=n {
        by_last_digit.entry(i % 10).or_default().push(i.into());
    }
    let totals: BTreeMap<i32, i64> = by_last_digit
        .iter()
        .map(|(digit, numbers)| (*digit, numbers.iter().sum()))
        .collect();
    totals.values().sum()
}

#[no_mangle]
pub extern "C" fn now() -> i64 {
    since_1970().as_nanos() as i64
}

#[no_mangle]
pub extern "C" fn random() -> i64 {
    i64::from_le_bytes(random_bytes())
}

/// Memory into which the host can write. It stays allocated until the instance goes.
#[no_mangle]
pub extern "C" fn alloc(size: i32) -> *mut u8 {
    match usize::try_from(size) {
        Ok(size) if size > 0 => Box::leak(vec![0; size].into_boxed_slice()).as_mut_ptr(),
        _ => ptr::null_mut(),
    }
}

/// The greeting is valid until the next call of greet().
///
/// # Safety
/// `name` must point to `length` bytes.
#[no_mangle]
pub unsafe extern "C" fn greet(name: *const u8, length: i32) -> *const c_char {
    if name.is_null() || length < 0 {
        return ptr::null();
    }
    let name = String::from_utf8_lossy(slice::from_raw_parts(name, length as usize));
    let mut greeting = GREETING.lock().unwrap();
    *greeting = format!("Hello, {}!\0", name).into_bytes();
    greeting.as_ptr().cast()
}

/// 0 if the file can be opened, else errno with WASI's numbers; where std has no errno (it looks for a preopened folder
/// before it asks WASI), 1 for "not found" and 2 for anything else.
#[no_mangle]
pub extern "C" fn open_file() -> i32 {
    match File::open("/etc/passwd") {
        Ok(_) => 0,
        Err(error) => error.raw_os_error().unwrap_or(match error.kind() {
            ErrorKind::NotFound => 1,
            _ => 2,
        }),
    }
}

/// Returns the milliseconds that went by on the monotonic clock.
#[no_mangle]
pub extern "C" fn sleep_ms(ms: i32) -> i32 {
    let start = Instant::now();
    thread::sleep(Duration::from_millis(ms.max(0) as u64));
    start.elapsed().as_millis() as i32
}

#[no_mangle]
pub extern "C" fn quit(code: i32) {
    process::exit(code)
}

#[no_mangle]
pub extern "C" fn crash() {
    panic!("crash")
}
