import Martlet
import Testing

@testable import struct Martlet.StoreFiles
@testable import struct Martlet.StoredMessage

#if canImport(Glibc)
import Glibc

/// A folder in which nobody can look is not an empty one.
@Suite(.timeLimit(.minutes(5))) struct LockedFolderTests {
    /// Has this process be allowed so many more files, which are opened one after the other.
    fileprivate static func withRoom(for files: Int32, _ body: () throws -> Void) throws {
        var limit = rlimit()
        try #require(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        let usual = limit.rlim_cur
        let next = dup(0)
        close(next)
        limit.rlim_cur = rlim_t(next + files)
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        defer {
            limit.rlim_cur = usual
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        try body()
    }

    @Test func whatCannotBeListedIsAnError() async {
        await #expect(processExitsWith: .success) {
            let path = try Folder()
            let folder = try LockedFolder(path.path)
            try LockedFolderTests.withRoom(for: 0) {
                let failure = #expect(throws: StoreFailure.self) { try folder.names() }
                #expect(failure?.code == EMFILE)
            }
            #expect(try Set(folder.names()) == [".", "..", "lock"])
        }
    }

    @Test func whatIsNotThereHasNoSize() throws {
        let path = try Folder()
        let folder = try LockedFolder(path.path)
        let failure = #expect(throws: StoreFailure.self) { try folder.size(of: "nothing") }
        #expect(failure?.code == ENOENT)
        #expect(try folder.size(of: "lock") == 0)
        #expect(folder.has("lock") && !folder.has("nothing"))
    }

    /// A name that is too long can't even be looked for.
    @Test func whatCannotBeLookedForMayBeThere() throws {
        let path = try Folder()
        #expect(try LockedFolder(path.path).has(String(repeating: "x", count: 1_000)))
    }

    /// It takes four files to open one: the folder, its lock, its cursor, and the folder again to list it.
    @Test func aStoreThatCannotBeListedIsNotOpened() async {
        await #expect(processExitsWith: .success) {
            let folder = try Folder()
            let options = StoreOptions(folder: folder.path)
            do {
                var files = try StoreFiles(options)
                let stored = StoredMessage(topic: "a", message: Message("x"), isRetained: false, time: 0)
                let appended = files.append([stored, stored, stored])
                #expect(appended.taken == 3)
            }
            for room in 0...3 as ClosedRange<Int32> {
                try LockedFolderTests.withRoom(for: room) {
                    #expect(throws: MessagingError.self, "\(room) files") { _ = try StoreFiles(options) }
                }
            }
            var files = try StoreFiles(options)
            #expect(files.read(10, now: 0).messages.count == 3)
        }
    }
}
#endif
