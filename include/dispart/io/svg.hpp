#pragma once
/// \file
/// Gantt charts as SVG: what each device and edge does when, by request; several timelines stand above each other.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "dispart/core/event.hpp"

namespace dispart::io {

/// A timeline and what it is called in the picture ("predicted", "measured").
struct gantt_panel {
    std::string title{};
    const timeline* trace = nullptr;
};

struct gantt_options {
    std::size_t requests = 12;   ///< spans of later requests are left out, so that the first can be seen
    double width = 1200.0;       ///< pixels
    double row_height = 26.0;    ///< pixels
    double label_width = 170.0;  ///< pixels
};

/// The text with XML's five special characters escaped and control characters dropped.
[[nodiscard]] inline std::string xml_escape(std::string_view text) {
    std::string safe;
    for (const char c : text) switch (c) {
        case '&':
            safe += "&amp;";
            break;
        case '<':
            safe += "&lt;";
            break;
        case '>':
            safe += "&gt;";
            break;
        case '"':
            safe += "&quot;";
            break;
        case '\'':
            safe += "&apos;";
            break;
        default:
            if (static_cast<unsigned char>(c) >= 0x20) safe += c;
        }
    return safe;
}

namespace detail {

inline std::string pixels(double x) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", x);
    return text;
}

/// 0.0042 s as "4.2 ms".
inline std::string readable_seconds(double s) {
    char text[32];
    const double size = std::abs(s);
    if (size >= 1.0 || size == 0.0) std::snprintf(text, sizeof text, "%.3g s", s);
    else if (size >= 1e-3) std::snprintf(text, sizeof text, "%.3g ms", s * 1e3);
    else std::snprintf(text, sizeof text, "%.3g us", s * 1e6);
    return text;
}

/// 1, 2 or 5 times a power of ten, such that about ten ticks cover the span.
inline double tick_step(double span) {
    const double raw = span / 10.0;
    const double power = std::pow(10.0, std::floor(std::log10(raw)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (raw <= factor * power) return factor * power;
    return 10.0 * power;
}

/// Colour-blind safe (Okabe, Ito 2008), without black.
inline const char* request_colour(request_id r) {
    static constexpr const char* colours[] = {"#0072B2", "#E69F00", "#009E73", "#CC79A7",
                                              "#56B4E9", "#D55E00", "#F0E442"};
    return colours[r % std::size(colours)];
}

/// What can be read on `request_colour`.
inline const char* request_text_colour(request_id r) {
    static constexpr const char* colours[] = {"white", "black", "white", "black", "black", "white", "black"};
    return colours[r % std::size(colours)];
}

inline std::string device_name(const timeline& trace, device_id d) {
    if (d == no_id) return "outside";
    return d < trace.devices.size() && !trace.devices[d].empty() ? trace.devices[d]
                                                                 : "device " + std::to_string(d);
}

/// A picture of that size in pixels on white. \param body what is drawn, as SVG
inline std::string svg_document(double width, double height, const std::string& body) {
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + pixels(width) + "\" height=\"" +
           pixels(height) + "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n" +
           body + "</svg>\n";
}

class gantt_painter {
  public:
    gantt_painter(std::span<const gantt_panel> panels, const gantt_options& options)
        : panels_(panels)
        , options_(options) {
        for (const auto& panel : panels)
            for (const auto& e : panel.trace->events)
                if (e.request < options.requests) end_ = std::max(end_, e.end.value);
        if (!(end_ > 0.0) || !std::isfinite(end_)) end_ = 1.0;
    }

    std::string paint() {
        double y = 8.0;
        for (const auto& panel : panels_) y = paint_panel(panel, y);
        return svg_document(options_.width, y, body_);
    }

  private:
    [[nodiscard]] double x_of(double t) const {
        return options_.label_width + (options_.width - options_.label_width - 16.0) * t / end_;
    }

    double paint_panel(const gantt_panel& panel, double y) {
        std::map<row_key, std::string> rows;  // -> label
        for (const auto& e : panel.trace->events) {
            if (e.request >= options_.requests) continue;
            const auto name = device_name(*panel.trace, e.device);
            rows.emplace(key_of(e), e.what == activity::transfer
                                        ? "  " + name + " → " + device_name(*panel.trace, e.peer)
                                        : name);
        }
        text(8.0, y + 14.0, panel.title, "font-weight=\"bold\" font-size=\"14\"");
        y += 24.0;
        const double bottom = y + static_cast<double>(rows.size()) * options_.row_height;
        paint_axis(y, bottom);
        std::map<row_key, double> top;
        for (const auto& [key, label] : rows) {
            text(8.0, y + options_.row_height * 0.65, label);
            top[key] = y;
            y += options_.row_height;
        }
        for (const auto& e : panel.trace->events)
            if (e.request < options_.requests) paint_span(e, top[key_of(e)]);
        return bottom + 34.0;
    }

    /// Rows stand by device; what it computes first, then what it sends, by receiver.
    using row_key = std::tuple<device_id, bool, device_id>;
    static row_key key_of(const event& e) {
        const bool moves = e.what == activity::transfer;
        return {e.device, moves, moves ? e.peer : no_id};
    }

    void paint_axis(double top, double bottom) {
        const double step = tick_step(end_);
        for (double t = 0.0; t <= end_ * 1.0001; t += step) {
            body_ += "<line x1=\"" + pixels(x_of(t)) + "\" x2=\"" + pixels(x_of(t)) + "\" y1=\"" +
                     pixels(top) + "\" y2=\"" + pixels(bottom) + "\" stroke=\"#ddd\"/>\n";
            text(x_of(t), bottom + 14.0, readable_seconds(t), "text-anchor=\"middle\" fill=\"#555\"");
        }
    }

    void paint_span(const event& e, double row) {
        const bool thin = e.what != activity::compute;
        const double height = options_.row_height * (thin ? 0.4 : 0.8);
        const double x = x_of(e.begin.value);
        const double width = std::max(0.8, x_of(e.end.value) - x);
        const double y = row + (options_.row_height - height) / 2;
        body_ += "<rect x=\"" + pixels(x) + "\" y=\"" + pixels(y) + "\" width=\"" + pixels(width) +
                 "\" height=\"" + pixels(height) + "\" fill=\"" + request_colour(e.request) + "\"" +
                 (e.what == activity::wait ? " fill-opacity=\"0.3\"" : "") + "><title>request " +
                 std::to_string(e.request) + ", " + readable_seconds((e.end - e.begin).value) +
                 "</title></rect>\n";
        if (!thin && width > 18.0)
            text(x + width / 2, y + height * 0.7, std::to_string(e.request),
                 "text-anchor=\"middle\" fill=\"" + std::string(request_text_colour(e.request)) + "\"");
    }

    void text(double x, double y, std::string_view words, const std::string& style = "") {
        body_ += "<text x=\"" + pixels(x) + "\" y=\"" + pixels(y) + "\" xml:space=\"preserve\" " + style +
                 ">" + xml_escape(words) + "</text>\n";
    }

    std::span<const gantt_panel> panels_;
    const gantt_options& options_;
    double end_ = 0.0;
    std::string body_;
};

}  // namespace detail

/// Draws the panels one above the other on one time axis: thick bars compute, thin ones transfer, a colour per request.
/// \return a complete SVG document. Precondition: every panel has a trace. O(events log rows).
[[nodiscard]] inline std::string gantt_svg(std::span<const gantt_panel> panels,
                                           const gantt_options& options = {}) {
    return detail::gantt_painter(panels, options).paint();
}

}  // namespace dispart::io
