/// The program by which Erlang's nodes on one machine find each other (epmd).
///
/// A node that finds none starts one, which then stays for ever. So this process has one of its own, on a port of its own,
/// for all its nodes; it ends with the process.
final class ErlangPortMapper: ControlledServer {
    let process: ServerProcess
    private let reservation: ReservedPort

    var port: Int { reservation.number }

    private init() throws {
        let program = try Program.find("epmd", package: "erlang-base")
        let reservation = try ReservedPort()
        let readiness = Readiness(address: .loopback(port: reservation.number))
        process = ServerProcess("epmd", in: try TemporaryFolder("epmd"), readiness: readiness) {
            let arguments = ["-address", "127.0.0.1", "-port", "\(reservation.number)"]
            return Spawn(program: program, arguments: arguments, environment: Program.environment)
        }
        self.reservation = reservation
    }

    static func shared() async throws -> ErlangPortMapper { try await sharedServer { try ErlangPortMapper() } }

    private static let sharedServer = SharedServer<ErlangPortMapper>()
}
