/// A component in its place in a node.
struct Member: Sendable {
    let component: any Component
    /// Its place in the node's list of all components.
    let index: Int
    let name: String
    let members: [Member]

    /// The components in their places, each group followed by its members, and how they all are.
    static func list(_ components: [any Component]) -> (members: [Member], records: [ComponentRecord]) {
        var records: [ComponentRecord] = []
        var taken: Set<String> = []
        let members = place(components, below: "", &records, &taken)
        return (members, records)
    }

    private static func place(
        _ components: [any Component],
        below parent: String,
        _ records: inout [ComponentRecord],
        _ taken: inout Set<String>
    ) -> [Member] {
        components.map { component in
            let index = records.count
            let name = unique(parent + component.name, &taken)
            records.append(ComponentRecord(health: ComponentHealth(name: name)))
            let members = (component as? any ComponentContainer)?.members ?? []
            return Member(
                component: component,
                index: index,
                name: name,
                members: place(members, below: "\(name)/", &records, &taken)
            )
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
