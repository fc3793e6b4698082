import Martlet
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

struct FileLockTests {
    /// A file, opened twice.
    private static func withFile(_ body: (_ first: Int32, _ second: Int32) throws -> Void) throws {
        var path = Array("/tmp/martlet-lock-XXXXXX".utf8CString)
        let first = mkstemp(&path)
        try #require(first >= 0)
        defer { unlink(path) }
        try body(first, open(path, O_RDWR | O_CLOEXEC))
    }

    @Test func oneHasIt() throws {
        try Self.withFile { first, second in
            let lock = try FileLock(first)
            let failure = #expect(throws: StoreFailure.self) { try FileLock(second) }
            #expect(failure?.code == EWOULDBLOCK)
            lock.release()
        }
    }

    /// What a process has that is just being started: its parent's files.
    @Test(arguments: [false, true])
    func aProcessThatIsBeingStartedHoldsNothing(released: Bool) throws {
        try Self.withFile { first, second in
            let inherited = dup(first)
            defer { close(inherited) }
            var lock: FileLock? = try FileLock(first)
            if released { lock?.release() } else { lock = nil }
            #expect(throws: Never.self) { try FileLock(second) }
            withExtendedLifetime(lock) {}
        }
    }

    #if canImport(Glibc)
    /// Closed twice, it would be somebody else's file the second time. Others open files all the time.
    @Test func whatCannotBeLockedIsClosedOnce() async {
        await #expect(processExitsWith: .success) {
            // On a file that was opened for its place alone no lock can be taken (open(2), O_PATH).
            let place: Int32 = 0o10000000
            let failures = await withTaskGroup(of: Int.self) { group in
                group.addTask {
                    (0..<20_000).count { _ in (try? FileLock(open("/", place | O_CLOEXEC))) != nil }
                }
                for _ in 0..<2 {
                    group.addTask { (0..<100_000).count { _ in close(open("/dev/null", O_RDONLY | O_CLOEXEC)) != 0 } }
                }
                return await group.reduce(0, +)
            }
            #expect(failures == 0)
        }
    }
    #endif
}
