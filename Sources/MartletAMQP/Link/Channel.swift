import DequeModule
import Martlet

/// A channel as its session keeps it: what is awaited on it, what is half arrived, who gets what comes. It belongs to its
/// session's loop, and to one link.
final class Channel {

    /// Called on the session's loop, once.
    typealias Completion = (Result<ServerMethod.Reply, any Error>) -> Void

    let number: UInt16
    weak var owner: (any ChannelOwner)?
    /// Who settles its deliveries.
    let settler: ChannelSettler
    var assembly: ContentAssembly
    /// Who waits for an answer; answers come in the order of the questions.
    var waiting: Deque<Completion> = []
    /// The message of the answer that is being told, for those who asked for one.
    var gotten: ContentAssembly.Content?
    /// What was published and not confirmed, if the channel confirms.
    var confirms: ConfirmWindow<Outgoing>?
    /// How many of its deliveries are not settled.
    var unsettled = 0
    /// Its deliveries, where acknowledgements are told together.
    var window: SettlementWindow?
    /// Something of it was settled in this round.
    var hasSettled = false
    /// It closes when everything is settled.
    var isDraining = false
    /// It was asked to close.
    var isClosing = false
    /// The broker wants no content on it for now (`channel.flow`).
    var isStopped = false
    /// Something was read for it in this round.
    var hasRead = false

    init(_ number: UInt16, owner: (any ChannelOwner)?, settler: ChannelSettler, maximumBodyBytes: Int) {
        self.number = number
        self.owner = owner
        self.settler = settler
        assembly = ContentAssembly(maximumBodyBytes: maximumBodyBytes)
    }

    /// A message came back that was published on it, before the broker confirms it.
    func noteReturn(of content: ContentAssembly.Content, _ returned: ServerMethod.Returned) {
        guard case .int64(let number) = content.properties.headers?[AMQPPublish.returnHeader] else { return }
        confirms?.returned(UInt64(bitPattern: number), returned)
    }
}
