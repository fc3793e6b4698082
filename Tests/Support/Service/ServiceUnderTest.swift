import MartletService

/// What the tests of services run in a process of its own: state files that meet their fate, by the first argument, or else
/// services, as a program with several of them.
@main enum ServiceUnderTest {
    private enum Services: ServiceCollection {
        static let services: [any ServiceProgram.Type] = [
            Echo.self, Minimal.self, Gadget.self, Broken.self, Ailing.self, Switched.self, House.self,
        ]
    }

    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments.first {
        case "count": try await Counting.count(in: arguments[1])
        case "die": try await Counting.die(atCall: Int(arguments[2]) ?? 0, in: arguments[1])
        case "full": try await Counting.fill(arguments[1])
        default: await Services.main()
        }
    }
}
