import Martlet

/// Queues: each message goes to one consumer, which says what became of it.
struct Queues: Example {
    let name = "queues"
    let summary = "a work queue: acknowledge, try again, and dead letters for what can't be done"

    struct Photo: Codable, Sendable {
        var name: String
        var width: Int
    }

    let photos = Queue<Photo>("photos.resize")
    let failed = Queue<Photo>("photos.failed")

    func run(on broker: Broker) async throws {
        try broker.declareQueue(photos.name, options: QueueOptions(maximumDeliveries: 3, deadLetters: failed.name))
        let camera = try await broker.connect(name: "camera")
        let worker = try await broker.connect(name: "worker")

        // Nobody consumes yet: the messages wait in the queue.
        for photo in [Photo(name: "boat", width: 4_000), Photo(name: "blur", width: 0), Photo(name: "bird", width: 0)] {
            try await camera.send(photo, to: photos)
        }

        // At most one in hand, so that the others are left to other workers. What is dropped unsettled (by an error, or
        // by the end of this process) goes back to the queue.
        let work = try await worker.consume(from: photos, options: ConsumeOptions(prefetch: 1))
        for try await job in work {
            let photo = job.value
            if photo.width > 0 {
                try job.ack()
                print("\(photo.name): done")
            } else if photo.name == "bird" {
                try job.nack(requeue: false)
                print("\(photo.name): no use, given up at once")
                break
            } else {
                try job.nack(requeue: true)
                print("\(photo.name): failed, delivery \(job.delivery.redeliveries + 1) of 3")
            }
        }

        let letters = try await worker.consume(from: failed)
        for try await letter in letters.prefix(2) {
            let reason = letter.headers[Headers.Standard.deathReason]?.string ?? "unknown"
            print("dead letter: \(letter.value.name), \(reason)")
            try letter.ack()
        }
    }
}
