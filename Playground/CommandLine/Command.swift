import MartletBrokers
import MartletConsole

/// What the arguments ask for.
enum Command: Equatable {
    /// The fleet.
    case fleet(BrokerAddress)
    /// The names of the examples.
    case list
    /// One example, by its name.
    case example(String, BrokerAddress, DatabaseAddress = .memory)
    /// How the program is called.
    case help

    /// Reads arguments, the program's name not among them.
    ///
    /// - Throws: ``UsageError``.
    init(_ arguments: [String]) throws {
        var names: [String] = []
        var broker: BrokerAddress?
        var database = DatabaseAddress.memory
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--help", "-h":
                self = .help
                return
            case "--broker":
                guard let url = rest.popFirst() else {
                    throw UsageError("--broker takes a URL; there is \(BrokerAddress.known)")
                }
                broker = try Self.broker(url)
            case _ where argument.hasPrefix("--broker="):
                broker = try Self.broker(String(argument.dropFirst("--broker=".count)))
            case "--database":
                guard let url = rest.popFirst() else {
                    throw UsageError("--database takes a URL; there is \(DatabaseAddress.known)")
                }
                database = try Self.database(url)
            case _ where argument.hasPrefix("--database="):
                database = try Self.database(String(argument.dropFirst("--database=".count)))
            case _ where argument.hasPrefix("-"):
                throw UsageError("there is no option \(argument.debugDescription); --help lists those there are")
            default:
                names.append(argument)
            }
        }
        guard names.count <= 1 else {
            throw UsageError("one name at a time; these are \(names.count): \(names.joined(separator: ", "))")
        }
        switch names.first {
        case nil: self = .fleet(broker ?? .memory)
        case "list": self = .list
        case let name?:
            guard Examples.named(name) != nil else {
                let known = Examples.all.map(\.name) + ["list"]
                throw UsageError(
                    "there is no example \(name.debugDescription); there are \(known.joined(separator: ", "))"
                )
            }
            self = .example(name, broker ?? .memory, database)
        }
    }

    private static func database(_ text: String) throws -> DatabaseAddress {
        // It may hold a password.
        guard let address = DatabaseAddress(text) else {
            throw UsageError("there is no such kind of database; there is \(DatabaseAddress.known)")
        }
        return address
    }

    private static func broker(_ text: String) throws -> BrokerAddress {
        guard let address = BrokerAddress(text) else {
            throw UsageError("there is no broker \(text.debugDescription); there is \(BrokerAddress.known)")
        }
        return address
    }
}
