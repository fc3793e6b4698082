import Foundation
import Synchronization

/// A node of ejabberd that speaks MQTT alone (Debian's package `ejabberd`), run without the package's service and without its
/// user.
///
/// Everybody may log in, by any name and with any password; without a password nobody may.
package final class EjabberdServer: ControlledServer {
    package let process: ServerProcess
    /// The name of its node in a cluster.
    let node: String
    private let listener: ReservedPort
    private let readiness: Readiness

    /// The port on which it speaks MQTT 3.1.1 and 5.
    package var port: Int { listener.number }

    /// A server that does not run yet.
    init() throws {
        let program = try Program.find("erl", package: "erlang-base")
        let libraries = try Self.libraries()
        let (listener, distribution) = (try ReservedPort(), try ReservedPort())
        let folder = try TemporaryFolder("ejabberd")
        let node = "martlet-mqtt\(Self.count.add(1, ordering: .relaxed).newValue)@localhost"
        // It is ready when it answers a CONNECT with a CONNACK, here that a password is missing.
        let connect = [0x10, 15, 0, 4] + Array("MQTT".utf8) + [4, 0x02, 0, 60, 0, 3] + Array("sts".utf8)
        let readiness = Readiness(address: .loopback(port: listener.number), question: connect) {
            $0.first.map { $0 == 0x20 }
        }
        process = ServerProcess("ejabberd", in: folder, readiness: readiness) {
            try folder.write(Self.configuration(listener), to: "ejabberd.yml")
            var environment = Program.environment
            environment["HOME"] = folder.path
            environment["ERL_LIBS"] = libraries
            environment["ERL_CRASH_DUMP"] = folder.path("crash")
            environment["ERL_EPMD_ADDRESS"] = "127.0.0.1"
            environment["ERL_EPMD_PORT"] = "\(try await ErlangPortMapper.shared().port)"
            environment["EJABBERD_CONFIG_PATH"] = folder.path("ejabberd.yml")
            environment["EJABBERD_LOG_PATH"] = folder.path("ejabberd.log")
            // As long as the server is there, so is the reservation.
            let port = "\(distribution.number)"
            let arguments = [
                "-noinput", "-sname", node, "-setcookie", Self.cookie,
                // Idle schedulers that spin would take the processor from the tests.
                "+S", "2:2", "+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none",
                "-kernel", "inet_dist_use_interface", "{127,0,0,1}",
                "-kernel", "inet_dist_listen_min", port, "-kernel", "inet_dist_listen_max", port,
                "-mnesia", "dir", "\"\(folder.path("data"))\"", "-s", "ejabberd",
            ]
            return Spawn(program: program, arguments: arguments, environment: environment)
        }
        (self.node, self.listener, self.readiness) = (node, listener, readiness)
    }

    /// Has this node, which is new, join the cluster of another one. Both run. It begins anew to do so, and is ready when this
    /// returns.
    func join(_ other: EjabberdServer) async throws {
        let call = try Program.find("erl_call", package: "erlang-base")
        let mapper = try await ErlangPortMapper.shared().port
        try await Program.run(
            call,
            ["-sname", node, "-c", Self.cookie, "-a", "ejabberd_cluster join ['\(other.node)']"],
            environment: ["ERL_EPMD_PORT": "\(mapper)", "HOME": folder.path]
        )
        let deadline = ContinuousClock.now + .seconds(60)
        while try await !readiness.ask(until: deadline) {
            guard ContinuousClock.now < deadline else {
                throw ServerError("\(node) did not join \(other.node) within a minute. Its log:\n\(log)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Whoever knows this may command the nodes; only this machine can reach them.
    private static let cookie = "martlet"
    private static let count = Atomic(0)

    private static func configuration(_ listener: ReservedPort) -> String {
        """
        hosts: [localhost]
        auth_method: anonymous
        anonymous_protocol: both
        allow_multiple_connections: true
        log_rotate_count: 0
        listen:
          - {port: \(listener.number), ip: "127.0.0.1", module: mod_mqtt}
        modules:
          mod_mqtt: {max_queue: unlimited}

        """
    }

    /// The folder of Erlang's applications that ejabberd is in; it is named after the machine's kind.
    private static func libraries() throws(ServerError) -> String {
        let files = FileManager.default
        let folders = ((try? files.contentsOfDirectory(atPath: "/usr/lib")) ?? []).map { "/usr/lib/" + $0 }
        for folder in folders {
            let names = (try? files.contentsOfDirectory(atPath: folder)) ?? []
            if names.contains(where: { $0.hasPrefix("ejabberd-") }) { return folder }
        }
        throw ServerError("There is no ejabberd here. Debian has it in its package ejabberd: Tests/run installs it")
    }
}
