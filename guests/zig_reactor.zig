// SPDX-License-Identifier: MIT
//
// A plug-in in Zig with its standard library (and no libc), built as a WASI preview 1 reactor: the host calls
// `_initialize`, which calls main(), and then the functions exported below as often as it likes. All reactors of this
// folder export the same functions (README.md).

const std = @import("std");

const gpa = std.heap.wasm_allocator;
var threaded: std.Io.Threaded = .init_single_threaded;
const io = threaded.io();

var process: std.process.Init.Minimal = undefined;
var calls: i32 = 0;
var greeting: ?[:0]u8 = null;

/// Where a Zig program is handed its arguments and environment.
pub fn main(init: std.process.Init.Minimal) void {
    process = init;
}

fn printReport() !void {
    var buffer: [1024]u8 = undefined;
    var stdout = std.Io.File.stdout().writerStreaming(io, &buffer);
    const out = &stdout.interface;

    try out.writeAll("language: Zig\nargs: ");
    var args = try process.args.iterateAllocator(gpa);
    defer args.deinit();
    var separator: []const u8 = "";
    while (args.next()) |arg| {
        try out.print("{s}{s}", .{ separator, arg });
        separator = " ";
    }

    var environ = try process.environ.createMap(gpa);
    defer environ.deinit();
    try out.print("\nenv: {s}\n", .{environ.get("KEY1") orelse "(unset)"});

    try out.print("realtime: {d}\n", .{std.Io.Clock.real.now(io).toSeconds()});

    const first = std.Io.Clock.awake.now(io).toNanoseconds();
    const second = std.Io.Clock.awake.now(io).toNanoseconds();
    try out.print("monotonic: {s}\n", .{if (first != 0 and second >= first) "ok" else "broken"});

    var bytes: [8]u8 = undefined;
    try io.randomSecure(&bytes);
    try out.print("random: {x}\n", .{&bytes});
    try out.flush();
}

/// Prints what this plug-in was given, and returns the number of lines.
export fn report() i32 {
    printReport() catch return 0;
    return 6;
}

export fn add(a: i32, b: i32) i32 {
    return a +% b;
}

export fn count() i32 {
    calls += 1;
    return calls;
}

/// 1 + 2 + ... + n, by way of a list on the heap. -1 if there is no memory for it.
export fn sum(n: i32) i64 {
    var numbers: std.ArrayList(i64) = .empty;
    defer numbers.deinit(gpa);
    var i: i64 = 1;
    while (i <= n) : (i += 1) {
        numbers.append(gpa, i) catch return -1;
    }
    var total: i64 = 0;
    for (numbers.items) |number| total += number;
    return total;
}

export fn now() i64 {
    return @intCast(std.Io.Clock.real.now(io).toNanoseconds());
}

export fn random() i64 {
    var bytes: [8]u8 = undefined;
    io.randomSecure(&bytes) catch @panic("no system randomness");
    return std.mem.readInt(i64, &bytes, .little);
}

/// Memory into which the host can write. It stays allocated until the instance goes.
export fn alloc(size: i32) ?[*]u8 {
    if (size <= 0) return null;
    const memory = gpa.alloc(u8, @intCast(size)) catch return null;
    return memory.ptr;
}

/// The greeting is valid until the next call of greet().
export fn greet(name: ?[*]const u8, length: i32) ?[*:0]const u8 {
    if (length < 0) return null;
    const bytes = (name orelse return null)[0..@intCast(length)];
    const longer = gpa.printSentinel("Hello, {s}!", .{bytes}, 0) catch return null;
    if (greeting) |old| gpa.free(old);
    greeting = longer;
    return longer.ptr;
}

/// 0 if the file can be opened, else 1 for "not found" and 2 for anything else, because std hides errno. It opens
/// relative to fd 3, where nothing may be preopened: EBADF becomes error.Unexpected, hence 2.
export fn open_file() i32 {
    const file = std.Io.Dir.openFileAbsolute(io, "/etc/passwd", .{}) catch |err| return switch (err) {
        error.FileNotFound => 1,
        else => 2,
    };
    file.close(io);
    return 0;
}

/// Returns the milliseconds that went by on the monotonic clock.
export fn sleep_ms(ms: i32) i32 {
    const start = std.Io.Clock.awake.now(io);
    io.sleep(.fromMilliseconds(ms), .awake) catch {};
    return @intCast(start.untilNow(io, .awake).toMilliseconds());
}

/// std's exit code is 8 bits wide.
export fn quit(code: i32) void {
    std.process.exit(@truncate(@as(u32, @bitCast(code))));
}

export fn crash() void {
    @panic("crash");
}
