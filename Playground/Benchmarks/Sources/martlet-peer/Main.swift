import PeerJob

/// The workloads of Martlet and its transports.
@main
enum Main {
    static func main() async { await Job.main(run) }

    private static func run(_ job: Job) async throws {
        switch job.workload {
        case "publish": try await Publishing(job).unconfirmed()
        case "connections": try await Publishing(job).onConnections(onOneThread: false)
        case "connections-one-thread": try await Publishing(job).onConnections(onOneThread: true)
        case "confirmed": try await Publishing(job).confirmed()
        case "confirmed-on-loop": try await Publishing(job).confirmedOnLoop()
        case "subscribe": try await Receiving(job).subscribe()
        case "consume": try await Receiving(job).consume()
        case "echo": try await Calling(job).echo()
        case "echo-on-loop": try await Calling(job).echoOnLoop()
        case "call": try await Calling(job).callers()
        case "call-on-loop": try await Calling(job).onLoop()
        case "raw": try await Values(job).raw()
        case "typed": try await Values(job).typed()
        case "bridge": try await Bridging(job).run()
        case "idle": try await Idling(job).run()
        case "hand-over": try await HandingOver(job).broker()
        case "hand-over-typed": try await HandingOver(job).typedBroker()
        case "stream": try await HandingOver(job).stream()
        case "stream-typed": try await HandingOver(job).typedStream()
        default: throw Job.UsageError()
        }
    }
}
