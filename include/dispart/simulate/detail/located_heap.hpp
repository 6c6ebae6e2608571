#pragma once
/// \file
/// A binary heap of ids by key whose items can be found, changed and erased.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace dispart::detail {

/// An id and what it is ordered by; ties by lowest id.
struct keyed {
    double key;
    std::uint32_t id;

    friend bool operator<(const keyed& a, const keyed& b) {
        return a.key < b.key || (a.key == b.key && a.id < b.id);
    }
};

/// The least item is on top. Where each id stands is written to an array that several heaps may share, as long as no
/// id is in two of them. Every change is O(log size).
class located_heap {
  public:
    using places = std::vector<std::uint32_t>;

    [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
    [[nodiscard]] const keyed& top() const { return items_.front(); }
    [[nodiscard]] const keyed& operator[](std::size_t i) const { return items_[i]; }

    void push(keyed item, places& at) {
        items_.push_back(item);
        rise(items_.size() - 1, at);
    }
    void erase(std::uint32_t id, places& at) {
        const std::size_t hole = at[id];
        const keyed last = items_.back();
        items_.pop_back();
        if (hole == items_.size()) return;
        items_[hole] = last;
        restore(hole, at);
    }
    void change(keyed item, places& at) {
        const std::size_t i = at[item.id];
        items_[i] = item;
        restore(i, at);
    }
    /// Takes a number off every key. O(size).
    void shift(double off, places& at) {
        for (keyed& item : items_) item.key -= off;
        for (std::size_t i = items_.size(); i > 0; --i) sink(i - 1, at);
    }

  private:
    void put(std::size_t i, keyed item, places& at) {
        items_[i] = item;
        at[item.id] = static_cast<std::uint32_t>(i);
    }
    void restore(std::size_t i, places& at) {
        if (i > 0 && items_[i] < items_[(i - 1) / 2]) rise(i, at);
        else sink(i, at);
    }
    void rise(std::size_t i, places& at) {
        const keyed item = items_[i];
        for (; i > 0 && item < items_[(i - 1) / 2]; i = (i - 1) / 2) put(i, items_[(i - 1) / 2], at);
        put(i, item, at);
    }
    void sink(std::size_t i, places& at) {
        const keyed item = items_[i];
        for (std::size_t child = 2 * i + 1; child < items_.size(); child = 2 * i + 1) {
            if (child + 1 < items_.size() && items_[child + 1] < items_[child]) ++child;
            if (!(items_[child] < item)) break;
            put(i, items_[child], at);
            i = child;
        }
        put(i, item, at);
    }

    std::vector<keyed> items_;
};

}  // namespace dispart::detail
