import IntegrationSupport
import Martlet
import MartletPostgreSQL
import MartletSQL
import MartletSQLite
import Synchronization
import Testing

/// The databases that every test runs on.
enum DatabaseKind: CaseIterable, Sendable, CustomTestStringConvertible {
    case sqlite, memory, postgreSQL

    var testDescription: String { "\(self)" }

    /// Those with several sessions.
    static let shared: [DatabaseKind] = [.sqlite, .postgreSQL]

    var isPostgreSQL: Bool { self == .postgreSQL }
}

private let count = Atomic(0)

/// An empty database for one test.
func withDatabase<Result>(
    _ kind: DatabaseKind,
    sessions: Int = 10,
    timeout: Duration = .seconds(30),
    _ body: (any Database) async throws -> Result
) async throws -> Result {
    let database: any Database
    var folder: TemporaryFolder?
    switch kind {
    case .memory:
        database = try SQLite(":memory:", options: .init(timeout: timeout))
    case .sqlite:
        let own = try TemporaryFolder("sqlite")
        folder = own
        database = try SQLite(own.path("test.db"), options: .init(readers: sessions, timeout: timeout))
    case .postgreSQL:
        let url = try await newPostgreSQLDatabase()
        database = try PostgreSQL(url, options: .init(sessions: sessions, timeout: timeout))
    }
    let result: Swift.Result<Result, any Error>
    do { result = .success(try await body(database)) } catch { result = .failure(error) }
    await database.close()
    folder?.remove()
    return try result.get()
}

/// The URL of a new database of the server that all tests share.
func newPostgreSQLDatabase() async throws -> String {
    let server = try await PostgreSQLServer.shared()
    let name = "test_\(count.add(1, ordering: .relaxed).newValue)"
    try await server.psql("CREATE DATABASE \(name)")
    return server.url(name)
}

/// The code of the error that a call throws; `nil` if it throws none, or another kind.
func sqlCode(_ body: () async throws -> Void) async -> SQLError.Code? {
    do {
        try await body()
        return nil
    } catch {
        if !(error is SQLError) { Issue.record("\(error)") }
        return (error as? SQLError)?.code
    }
}

struct Fault: Error {}

/// A value that tasks share.
final class Locked<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    init(_ value: Value) {
        mutex = Mutex(value)
    }

    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        mutex.withLock { body(&$0) }
    }
}

/// Runs a node beside a body, once all of its components are open at the broker.
func running(_ node: Node, _ body: () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await node.run() }
        try await until { node.state == .running && node.health.components.allSatisfy { $0.state == .running } }
        try await body()
        group.cancelAll()
        while let result = await group.nextResult() {
            if case .failure(let error) = result, !(error is CancellationError) { throw error }
        }
    }
}
