/// What lies in an outbox and was not sent.
struct OutboxBacklog: Sendable {
    /// The oldest transaction that still runs, where messages wait for it.
    struct Holder: Decodable, Sendable {
        let pid: Int?
        let program: String?
        let seconds: Double?
    }

    private struct Counts: Decodable, Sendable {
        let waiting: Int
        let failed: Int
    }

    private let counts: Counts
    /// Whether messages wait for a transaction.
    private let isHeldBack: Bool
    private let holder: Holder?

    /// Looks what is there.
    init(of database: any Database, isHeldBack: Bool) async throws {
        (counts, holder) = try await database.withSession { db in
            let counts: SQL = """
                SELECT count(*) - count(failed) AS waiting, count(failed) AS failed FROM martlet_outbox
                """
            let found = try await db.first(counts, as: Counts.self)
            // Without a right to see what others do there is no row, or one without figures.
            let holder: SQL = """
                SELECT pid, application_name AS program, extract(epoch FROM now() - xact_start)::float8 AS seconds
                FROM pg_stat_activity WHERE backend_xid = pg_snapshot_xmin(pg_current_snapshot())::xid
                """
            return (
                found ?? Counts(waiting: 0, failed: 0),
                isHeldBack ? try await db.first(holder, as: Holder.self) : nil
            )
        }
        self.isHeldBack = isHeldBack
    }

    /// In words, for health; `nil` if nothing waits and nothing has failed.
    var note: String? {
        var parts: [String] = []
        if counts.waiting > 0 {
            parts.append("\(counts.waiting) waiting" + (isHeldBack ? " for \(holderNote) to end" : ""))
        }
        if counts.failed > 0 { parts.append("\(counts.failed) impossible to send, kept with the reason") }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    private var holderNote: String {
        guard let holder, let pid = holder.pid else { return "a transaction that was there before them" }
        let program = holder.program.map { $0.isEmpty ? "" : " of \($0)" } ?? ""
        let age = holder.seconds.map { ", open for \(Int($0)) s," } ?? ""
        return "a transaction\(program) (process \(pid))\(age)"
    }
}
