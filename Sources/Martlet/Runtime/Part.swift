/// Something that a ``Runner`` runs: a component of a node, one direction of a bridge's route.
struct Part: Sendable {
    /// The links without which a part can't do its work.
    struct Links: Sendable {
        /// The connection whose link it needs to begin.
        let needed: any Connection
        /// Another connection, without whose link it can begin. After a failure for want of a link it is waited for,
        /// but no longer than for any other attempt.
        var wanted: (any Connection)?
        /// Whether the part begins again when it fails for want of a link after it was ready. Otherwise that is a
        /// failure like any other.
        var outlastsLoss = false
    }

    /// Its name in logs and in its runner's health.
    private(set) var name: String
    let failurePolicy: FailurePolicy
    /// Whether it says by itself when it is ready, by ``PartContext/ready()``.
    let reportsReadiness: Bool
    let links: Links
    /// The parts that it runs itself, as a group does.
    private(set) var members: [Part] = []
    /// Its place in the runner's list of all parts.
    private(set) var index = 0
    let run: @Sendable (PartContext) async throws -> Void

    init(
        name: String,
        failurePolicy: FailurePolicy = .endNode,
        reportsReadiness: Bool,
        links: Links,
        members: [Part] = [],
        run: @escaping @Sendable (PartContext) async throws -> Void
    ) {
        self.name = name
        self.failurePolicy = failurePolicy
        self.reportsReadiness = reportsReadiness
        self.links = links
        self.members = members
        self.run = run
    }

    /// Gives parts their places, each followed by its members, and names that differ.
    fileprivate static func place(
        _ parts: [Part],
        below parent: String = "",
        isStanding: Bool,
        in records: inout [PartRecord],
        _ taken: inout Set<String>
    ) -> [Part] {
        parts.map { part in
            var part = part
            part.index = records.count
            part.name = unique(parent + part.name, &taken)
            records.append(PartRecord(health: ComponentHealth(name: part.name), isStanding: isStanding))
            part.members = place(part.members, below: "\(part.name)/", isStanding: isStanding, in: &records, &taken)
            return part
        }
    }

    private static func unique(_ name: String, _ taken: inout Set<String>) -> String {
        var candidate = name
        var number = 1
        while !taken.insert(candidate).inserted {
            number += 1
            candidate = "\(name) #\(number)"
        }
        return candidate
    }
}

/// A runner's parts in their places.
struct PartList: Sendable {
    /// Those that are stopped and started.
    let parts: [Part]
    /// Those that go on while the others are stopped. Health does not list them.
    let standing: [Part]
    /// How each of all stands before it is run.
    let records: [PartRecord]

    init(_ parts: [Part], standing: [Part] = []) {
        var records: [PartRecord] = []
        var taken: Set<String> = []
        self.parts = Part.place(parts, isStanding: false, in: &records, &taken)
        self.standing = Part.place(standing, isStanding: true, in: &records, &taken)
        self.records = records
    }
}
