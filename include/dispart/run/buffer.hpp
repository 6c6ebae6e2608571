#pragma once
/// \file
/// Payload memory: aligned, uninitialised, shared, and used again for the next message.

#include <cstddef>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "dispart/tensor/tensor.hpp"

namespace dispart {

/// A block of bytes aligned as tensors are. Copies share the memory, and so may tensors that are views of it.
class buffer {
  public:
    buffer() = default;
    /// Memory that `owner` keeps alive; `size` bytes of it are in use.
    buffer(std::shared_ptr<std::byte> owner, std::size_t size) : memory_(std::move(owner)), size_(size) {}

    /// A copy of the bytes.
    [[nodiscard]] static buffer copy_of(std::span<const std::byte> from);

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::span<std::byte> bytes() noexcept { return {memory_.get(), size_}; }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {memory_.get(), size_}; }
    /// Shared ownership of the memory, for views that outlive the buffer.
    [[nodiscard]] const std::shared_ptr<std::byte>& owner() const noexcept { return memory_; }

  private:
    std::shared_ptr<std::byte> memory_{};
    std::size_t size_ = 0;
};

/// Hands out buffers, and takes their memory back when the last owner lets go, so that a stream of messages of one
/// size allocates only at its beginning: what counts the owners has its place in the same memory. Buffers may outlive the
/// pool and may be released by any thread.
class buffer_pool {
  public:
    /// Keeps at most so many released blocks; the pool itself never limits how many are in use.
    explicit buffer_pool(std::size_t most_kept = 4) : store_(std::make_shared<store>(most_kept)) {}

    /// An uninitialised buffer. Throws std::bad_alloc.
    [[nodiscard]] buffer acquire(std::size_t size) const {
        block taken = store_->take(size);
        if (taken.memory == nullptr) taken = block::allocate(size);
        const auto stays = [](std::byte*) {};  // until nobody counts any more either
        return {std::shared_ptr<std::byte>(taken.memory, stays, count_place<std::byte>{store_, taken}), size};
    }

  private:
    struct block {
        std::byte* memory = nullptr;
        std::size_t size = 0;

        static constexpr std::align_val_t alignment{tensor::alignment};
        static constexpr std::size_t count_size = 2 * tensor::alignment;
        static block allocate(std::size_t size) {
            const std::size_t room = (size / tensor::alignment + 1) * tensor::alignment;
            return {static_cast<std::byte*>(::operator new(room + count_size, alignment)), room};
        }
        void release() const noexcept { ::operator delete(memory, alignment); }
    };

    class store {
      public:
        explicit store(std::size_t most_kept) : most_kept_(most_kept) { blocks_.reserve(most_kept + 1); }
        store(const store&) = delete;
        store& operator=(const store&) = delete;
        ~store() {
            for (const block& each : blocks_) each.release();
        }

        /// A kept block that is neither too small nor wastefully large, or none.
        block take(std::size_t size) {
            const std::scoped_lock lock(mutex_);
            for (block& each : blocks_) {
                if (each.size < size || each.size / 4 > size + 1024) continue;
                std::swap(each, blocks_.back());
                const block found = blocks_.back();
                blocks_.pop_back();
                return found;
            }
            return {};
        }

        /// Keeps the block; of too many, the oldest goes.
        void put(block released) noexcept {
            const std::scoped_lock lock(mutex_);
            blocks_.push_back(released);
            if (blocks_.size() <= most_kept_) return;
            blocks_.front().release();
            blocks_.erase(blocks_.begin());
        }

      private:
        std::mutex mutex_{};
        std::vector<block> blocks_{};
        std::size_t most_kept_;
    };

    /// The allocator of a buffer's count of owners: it lies behind the bytes, and with it the block goes back.
    template <class T>
    struct count_place {
        using value_type = T;
        count_place(std::shared_ptr<store> keeper, block whose) : kept(std::move(keeper)), of(whose) {}
        template <class U>
        count_place(const count_place<U>& other) : kept(other.kept)
                                                 , of(other.of) {}
        [[nodiscard]] T* allocate(std::size_t count) const {
            static_assert(alignof(T) <= tensor::alignment && sizeof(T) <= block::count_size);
            DISPART_EXPECTS(count == 1);
            return reinterpret_cast<T*>(of.memory + of.size);
        }
        void deallocate(T*, std::size_t) const noexcept { kept->put(of); }
        friend bool operator==(const count_place& a, const count_place& b) noexcept {
            return a.of.memory == b.of.memory;
        }

        std::shared_ptr<store> kept;
        block of;
    };

    std::shared_ptr<store> store_;
};

inline buffer buffer::copy_of(std::span<const std::byte> from) {
    buffer made = buffer_pool(0).acquire(from.size());
    if (!from.empty()) std::memcpy(made.bytes().data(), from.data(), from.size());
    return made;
}

}  // namespace dispart
