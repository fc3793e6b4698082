import MartletSQL
import MartletSQLite

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A database whose files may not grow, for a while.
enum FullDisk {
    static func fill(_ path: String) async throws {
        let database = try SQLite(path)
        try await database.execute("CREATE TABLE t (n INT NOT NULL, filler BLOB NOT NULL)")
        signal(SIGXFSZ, SIG_IGN)
        limitFiles(to: 512 << 10)
        var written = 0
        let filler = [UInt8](repeating: 7, count: 10_000)
        do {
            while written < 1_000 {
                let number = written
                try await database.transaction { db in
                    for part in [0, 1] {
                        try await db.execute("INSERT INTO t VALUES (\(2 * number + part), \(filler))")
                    }
                }
                written += 1
            }
            say("no error")
        } catch let error as SQLError {
            say("error: \(error.code)")
        }
        say(try await rows(database) == 2 * written ? "whole" : "halved")
        limitFiles(to: .max)
        try await database.transaction { db in
            for part in [0, 1] { try await db.execute("INSERT INTO t VALUES (\(-part), \(filler))") }
        }
        say(try await rows(database) == 2 * written + 2 ? "whole" : "halved")
        say(try await database.first("PRAGMA integrity_check", as: String.self) ?? "?")
        await database.close()
    }

    private static func rows(_ database: any Database) async throws -> Int? {
        try await database.first("SELECT count(*) FROM t", as: Int.self)
    }

    private static func limitFiles(to size: rlim_t) {
        var limit = rlimit()
        #if canImport(Darwin)
        let kind = RLIMIT_FSIZE
        #else
        let kind = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
        #endif
        getrlimit(kind, &limit)
        limit.rlim_cur = min(size, limit.rlim_max)
        setrlimit(kind, &limit)
    }
}
