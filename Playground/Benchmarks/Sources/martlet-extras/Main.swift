import PeerJob

/// The workloads of what stands on the transports. A program of its own: a process that has none of it is measured without it.
@main
enum Main {
    static func main() async { await Job.main(run) }

    private static func run(_ job: Job) async throws {
        switch job.workload {
        case "relay": try await Relaying(job).run()
        case "serve": try await Serving(job).run()
        case "select": try await Selecting(job).onPool()
        case "select-as-text": try await Selecting(job, prepared: 0).onPool()
        case "select-on-loop": try await Selecting(job).onLoop()
        default: throw Job.UsageError()
        }
    }
}
