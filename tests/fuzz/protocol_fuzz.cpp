// The first byte chooses a message, the rest is its payload. What decodes must encode to the same bytes.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "dispart/run/messages.hpp"
#include "dispart/run/tensor_message.hpp"

namespace {

using namespace dispart;

void require(bool condition) {
    if (!condition) std::abort();
}

template <class Message>
void try_message(std::span<const std::byte> in) {
    const auto decoded = decode<Message>(in);
    if (!decoded) return;
    const auto again = encode(*decoded);
    require(again.size() == in.size() && std::equal(again.begin(), again.end(), in.begin()));
}

void try_header(std::span<const std::byte> in) {
    const bool plausible = check_magic(in).has_value();
    require(plausible || !in.empty());
    if (in.size() < frame_header_size) return;
    const auto header = decode_header(in.first<frame_header_size>(), 1 << 20);
    if (!header) return;
    require(header->length <= 1 << 20);
    const auto again = encode_header(*header);
    require(std::equal(again.begin(), again.end(), in.begin()));
}

void try_tensors(std::span<const std::byte> in) {
    static const codec_table codecs;
    const auto decoded = decode_tensors(buffer::copy_of(in), codecs, {.bytes = 1 << 20});
    if (!decoded) return;
    std::size_t total = 0;
    for (const tensor& each : decoded->tensors) {
        total += each.size_bytes();
        for (const std::byte b : each.bytes())
            total += static_cast<std::size_t>(b) & 0U;  // every byte can be read
    }
    require(total <= in.size());
    tensor_message_writer writer;
    require(
        writer.write(decoded->request, decoded->edge, decoded->tensors, any_codec(raw_codec{})).has_value());
    require(writer.size() == in.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto in = std::as_bytes(std::span(data, size)).subspan(1);
    switch (data[0] % 10) {
    case 0:
        try_header(in);
        break;
    case 1:
        try_message<hello_message>(in);
        break;
    case 2:
        try_message<welcome_message>(in);
        break;
    case 3:
        try_message<deploy_message>(in);
        break;
    case 4:
        try_message<ready_message>(in);
        break;
    case 5:
        try_message<ping_message>(in);
        break;
    case 6:
        try_message<pong_message>(in);
        break;
    case 7:
        try_message<stats_message>(in);
        break;
    case 8:
        try_message<failure_message>(in);
        break;
    default:
        try_tensors(in);
        break;
    }
    return 0;
}
