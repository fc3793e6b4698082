public import Martlet

/// A service: a program with a name, a connection, settings, and components.
///
/// ```swift
/// @main struct Echo: ServiceProgram {
///     struct Settings: Decodable, Sendable { var customValue: String }
///     let service: ServiceContext<MQTTConnection, Settings>
///
///     var components: [any Component] {
///         Handle("echo") { (text: String) in try await service.publish(text, to: "echo_response") }
///         Every(.seconds(10)) { try await service.publish(service.settings.customValue, to: "custom") }
///     }
/// }
/// ```
///
/// Its name gives the topics that its own are below, the name of its connection, its state file and its section of the
/// settings. On brokers that retain messages `<base>/online` is `1` while it runs and `0` when it does not,
/// which the broker says if the service can't.
public protocol ServiceProgram: Sendable {
    /// The kind of connection.
    associatedtype Link: BrokerConnection
    /// The type of its section of the settings; ``NoSettings`` if it has none.
    associatedtype Settings: Decodable & Sendable

    /// What it is given; always this type, which an initializer may call `Context`.
    associatedtype Context = ServiceContext<Link, Settings> where Context == ServiceContext<Link, Settings>

    /// The service's name; by default the type's in lower case.
    static var name: String { get }

    /// What holds for settings that neither the file nor the environment say; by default nothing.
    static var defaults: Settings? { get }

    /// How many decimals the numbers have that it publishes; by default 4.
    static var decimals: Int { get }

    /// Whether the topic `<base>/enabled` stops its components (`0`) and starts them again (`1`), as in miqro.
    ///
    /// By default it does not: whoever may publish there could stop the service. `<base>/online` stays as it is: the service is
    /// there, and listens to that topic.
    static var isSwitchable: Bool { get }

    /// What it was given.
    var service: Context { get }

    /// Makes the service, when there is a connection, which need not have reached its broker yet. The memberwise initializer does.
    init(service: Context) async throws

    /// What it does: as the components of a node. Without any it says that it is online, and nothing else.
    @ComponentBuilder var components: [any Component] { get }
}

extension ServiceProgram {
    /// The type's name in lower case.
    public static var name: String { "\(Self.self)".lowercased() }

    /// None.
    public static var defaults: Settings? { nil }

    /// Four.
    public static var decimals: Int { 4 }

    /// It does not.
    public static var isSwitchable: Bool { false }

    /// None.
    public var components: [any Component] { [] }

    /// Runs the service as its command line says, and ends the process if that goes wrong.
    @concurrent public static func main() async { await ServiceCommand.main(of: [Self.self]) }
}

/// Several services in one program, which `--start NAME` chooses from.
///
/// ```swift
/// @main struct All: ServiceCollection {
///     static let services: [any ServiceProgram.Type] = [Echo.self, Gadget.self]
/// }
/// ```
public protocol ServiceCollection {
    /// The services, each with a name of its own.
    static var services: [any ServiceProgram.Type] { get }
}

extension ServiceCollection {
    /// Runs one of the services as the command line says, and ends the process if that goes wrong.
    @concurrent public static func main() async { await ServiceCommand.main(of: services) }
}

/// The settings of a service that has none: each key in its section is an error.
public struct NoSettings: Decodable, Sendable {
    /// Nothing.
    public init() {}
}
