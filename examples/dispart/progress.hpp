#pragma once
// A progress bar on standard error, drawn only where a person is looking.

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

namespace cli {

class progress_bar {
  public:
    progress_bar(std::string what, std::size_t total)
        : what_(std::move(what))
        , total_(total)
        , visible_(::isatty(STDERR_FILENO) != 0) {}
    ~progress_bar() {
        if (visible_ && drawn_) std::fputc('\n', stderr);
    }
    progress_bar(const progress_bar&) = delete;
    progress_bar& operator=(const progress_bar&) = delete;

    void update(std::size_t done) {
        const auto now = std::chrono::steady_clock::now();
        if (!visible_ || (done < total_ && drawn_ && now - last_ < std::chrono::milliseconds(80))) return;
        last_ = now;
        drawn_ = true;
        const std::size_t width = 40;
        const std::size_t full = total_ == 0 ? width : done * width / total_;
        std::string bar;
        for (std::size_t i = 0; i < width; ++i) bar += i < full ? "█" : "░";
        std::fprintf(stderr, "\r%s %s %zu/%zu", what_.c_str(), bar.c_str(), done, total_);
        std::fflush(stderr);
    }

  private:
    std::string what_;
    std::size_t total_;
    bool visible_;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point last_{};
};

}  // namespace cli
