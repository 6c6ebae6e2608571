#pragma once
/// \file
/// Bytes to write that partly lie elsewhere: large tensors are referred to, not copied, until they reach their file.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dispart::io::detail {

/// Text of its own and references to others' memory, in order.
class pieces {
  public:
    void add(std::string_view text) {
        text_ += text;
        size_ += text.size();
    }
    /// The bytes must live as long as the spans are used.
    void refer(std::span<const std::byte> bytes) {
        if (bytes.empty()) return;
        references_.push_back({text_.size(), bytes});
        size_ += bytes.size();
    }
    /// Appends another's pieces: a copy of its text, and its references.
    void add_all(const pieces& other) {
        for (const auto& cut : other.references_)
            references_.push_back({text_.size() + cut.position, cut.bytes});
        text_ += other.text_;
        size_ += other.size_;
    }
    /// Bytes in all.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Appends the pieces in order; they are valid until the next `add`.
    void append_spans(std::vector<std::span<const std::byte>>& out) const {
        const auto own = std::as_bytes(std::span(text_));
        std::size_t at = 0;
        for (const auto& cut : references_) {
            out.push_back(own.subspan(at, cut.position - at));
            out.push_back(cut.bytes);
            at = cut.position;
        }
        out.push_back(own.subspan(at));
    }

  private:
    struct reference {
        std::size_t position;
        std::span<const std::byte> bytes;
    };
    std::string text_{};
    std::vector<reference> references_{};
    std::size_t size_ = 0;
};

}  // namespace dispart::io::detail
