// A worker, from its listener to its edges, fed with arbitrary bytes over connections in memory. It may answer what it
// likes, but it ends, and nothing of it stays. Input: a count of connections (1 to 4), then for each the length of its
// bytes (two bytes, little-endian); then all their bytes.
#include <array>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "dispart/model/builder.hpp"
#include "dispart/run/framed_connection.hpp"
#include "dispart/run/worker.hpp"

namespace {

using namespace dispart;

/// What all connections of one input share: how many still read.
struct play {
    std::mutex mutex{};
    std::condition_variable changed{};
    std::size_t reading = 0;
    std::size_t open = 0;

    template <class Change>
    void update(Change change) {
        const std::scoped_lock lock(mutex);
        change();
        changed.notify_all();
    }
};

/// A peer that says what is written, whatever it hears, and hangs up when all others have said theirs too.
class scripted_stream {
  public:
    scripted_stream(std::shared_ptr<play> in, std::vector<std::byte> script)
        : play_(std::move(in))
        , script_(std::move(script)) {
        play_->update([this] { ++play_->open, ++play_->reading; });
    }
    scripted_stream(const scripted_stream&) = delete;
    scripted_stream& operator=(const scripted_stream&) = delete;
    ~scripted_stream() {
        finish();
        play_->update([this] { --play_->open; });
    }

    result<std::size_t> read_some(std::span<std::byte> to, deadline until) {
        const std::size_t count = std::min(to.size(), script_.size() - at_);
        if (count > 0 && !closed_) {
            std::memcpy(to.data(), script_.data() + at_, count);
            at_ += count;
            return count;
        }
        finish();
        const auto soon = std::min(until, deadline_in(seconds(0.02)));
        std::unique_lock lock(play_->mutex);
        play_->changed.wait_until(lock, soon, [this] { return closed_ || play_->reading == 0; });
        return fail(errc::peer_lost, peer(), "the script is over");
    }
    result<void> write_all(std::span<const std::span<const std::byte>>, deadline) {
        if (closed_) return fail(errc::peer_lost, peer(), "the connection is closed");
        return {};
    }
    void close() {
        play_->update([this] { closed_ = true; });
    }
    [[nodiscard]] std::string peer() const { return "script"; }

  private:
    void finish() {
        if (!std::exchange(finished_, true)) play_->update([this] { --play_->reading; });
    }

    std::shared_ptr<play> play_;
    std::vector<std::byte> script_;
    std::size_t at_ = 0;
    bool finished_ = false;
    std::atomic<bool> closed_ = false;
};

using scripted_connection = framed_connection<scripted_stream>;

/// Gives its connections in order, then none.
class scripted_listener {
  public:
    using connection = scripted_connection;
    explicit scripted_listener(std::deque<connection> callers) : callers_(std::move(callers)) {}
    result<connection> accept(deadline) {
        if (callers_.empty()) return fail(errc::cancelled, "script", "nobody else");
        connection next = std::move(callers_.front());
        callers_.pop_front();
        std::this_thread::sleep_for(std::chrono::microseconds(200));  // mostly one after the other
        return next;
    }
    static std::string address() { return "script"; }
    static void close() {}

  private:
    std::deque<connection> callers_;
};

/// Whoever is dialled says WELCOME.
struct scripted_transport {
    using connection = scripted_connection;
    using listener = scripted_listener;
    std::shared_ptr<play> stage{};

    static std::string_view name() { return "scripted"; }
    static result<listener> listen(const std::string&) { return fail(errc::refused, {}, {}); }
    result<connection> connect(const std::string&, deadline) const {
        const auto welcome = encode(welcome_message{1, "w", {"codec:raw"}});
        const auto header = encode_header({static_cast<std::uint16_t>(message_kind::welcome), welcome.size()});
        std::vector<std::byte> script(header.begin(), header.end());
        script.insert(script.end(), welcome.begin(), welcome.end());
        return connection(1 << 20, stage, std::move(script));
    }
};

/// Adds up; any bytes of a stage are the same small model.
struct tiny_executable {
    static result<std::vector<tensor>> run(std::span<const tensor> inputs) {
        tensor made(dtype::f32, {2});
        for (const tensor& each : inputs)
            for (const std::byte b : each.bytes()) made.data<float>()[0] += static_cast<float>(b);
        return std::vector<tensor>{made};
    }
    static result<std::vector<tensor>> run(std::span<const tensor> inputs, const layer_observer&) {
        return run(inputs);
    }
};
struct tiny_backend {
    static std::string_view name() { return "tiny"; }
    static result<tiny_executable> load(const model&) { return tiny_executable{}; }
};

result<model> tiny_model(std::span<const std::byte> bytes) {
    if (!bytes.empty() && bytes[0] == std::byte{0xff}) return fail(errc::parse_error, "stage", "as it says");
    model_builder b("tiny");
    b.output(b.add("Neg", {b.input("x", {2})}));
    return std::move(b).build();
}

void perform(std::deque<std::vector<std::byte>> scripts) {
    const auto stage = std::make_shared<play>();
    std::deque<scripted_connection> callers;
    for (auto& each : scripts) callers.emplace_back(std::size_t{1} << 20, stage, std::move(each));
    worker<scripted_transport, tiny_backend> serving({stage}, {},
                                                     {.decode = tiny_model,
                                                      .max_model_bytes = 1 << 16,
                                                      .max_message_bytes = 1 << 16,
                                                      .handshake = seconds(0.5)});
    {
        std::jthread running(
            [&](const std::stop_token& stop) { serving.serve(scripted_listener(std::move(callers)), stop); });
        // An edge may wait for a stage that never comes to it; then the worker is told to stop, and must.
        std::unique_lock lock(stage->mutex);
        stage->changed.wait_until(lock, deadline_in(seconds(0.05)), [&] { return stage->reading == 0; });
    }
    if (stage->open != 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto in = std::as_bytes(std::span(data, size));
    const std::size_t count = 1 + (data[0] & 3U);
    if (size < 1 + 2 * count) return 0;
    std::deque<std::vector<std::byte>> scripts;
    std::size_t at = 1 + 2 * count;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t wanted = data[1 + 2 * i] + 256U * data[2 + 2 * i];
        const std::size_t length = std::min(wanted, size - at);
        const auto part = in.subspan(at, length);
        scripts.emplace_back(part.begin(), part.end());
        at += length;
    }
    perform(std::move(scripts));
    return 0;
}
