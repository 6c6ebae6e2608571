// What the wire and the queues allocate for a request, once a stream flows: nothing.
#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "dispart/run/asio/tcp_transport.hpp"
#include "dispart/run/edge.hpp"
#include "dispart/run/in_process_transport.hpp"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they have their own

namespace {

std::atomic<bool> counting = false;
std::atomic<std::size_t> counted = 0;

void* allocate(std::size_t size, std::size_t alignment) {
    if (counting) ++counted;
    void* const made = alignment <= alignof(std::max_align_t)
                           ? std::malloc(size)
                           : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (made == nullptr && size > 0) throw std::bad_alloc();
    return made;
}

}  // namespace

// not inlined: g++ takes a delete whose new it does not see for a mismatch
[[gnu::noinline]] void* operator new(std::size_t size) { return allocate(size > 0 ? size : 1, 1); }
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate(size > 0 ? size : 1, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    std::free(memory);
}

using namespace dispart;

namespace {

/// Requests over an edge, one after the other. \return what was allocated for those after the first 500, by any thread
template <class Transport>
std::size_t allocated_by_stream(Transport carrier, const std::string& address, std::size_t requests) {
    using connection = typename Transport::connection;
    auto listener = carrier.listen(address).value();
    const codec_table codecs;
    const any_codec raw{raw_codec{}};
    span_recorder spans;
    const edge_settings settings{.peer = "there", .depth = 2, .tensors = 2};
    const auto complain = [](const error& why) { FAIL_CHECK(to_string(why)); };
    incoming_edge<connection> in(settings, codecs, spans, complain);
    outgoing_edge<connection> out(settings, raw, spans, complain);
    thread porter([&] {
        auto caller = listener.accept(deadline_in(seconds(5.0))).value();
        CHECK(receive_message<hello_message>(caller, deadline_in(seconds(5.0))));
        CHECK(send_message(caller, welcome_message{}, deadline_in(seconds(5.0))));
        CHECK(in.attach(std::move(caller)));
    });
    CHECK(out.connect(carrier, listener.address(), {.role = connection_role::data}, deadline_in(seconds(5.0))));
    porter.join();
    const std::vector<tensor> made{tensor(dtype::f32, {1, 16, 14, 14}), tensor(dtype::i64, {3}),
                                   tensor(dtype::f32, {5})};
    const std::vector<std::size_t> ports{0, 2};
    tensor_message got;
    for (std::size_t r = 0; r < requests; ++r) {
        counting = r >= 500;
        REQUIRE(out.push(r, made, ports, deadline_in(seconds(5.0))));
        REQUIRE(in.next(got, deadline_in(seconds(5.0))));
        REQUIRE(got.tensors[0].dims() == made[0].dims());
        for (tensor& each : got.tensors) each.let_go();
    }
    counting = false;
    in.stop();
    out.stop();
    return counted.exchange(0);
}

}  // namespace

TEST_CASE("edges: a request allocates nothing in the wire and the queues, once a stream flows") {
    // the recorder of spans grows to twice its size a few times
    CHECK(allocated_by_stream(in_process_transport{}, "there", 4500) <= 8);
    CHECK(allocated_by_stream(tcp_transport{}, "127.0.0.1:0", 4500) <= 8);
}

#endif
