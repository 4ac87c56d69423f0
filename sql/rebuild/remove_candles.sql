-- rebuild/remove_candles
CALL crypto.remove_candles(
    {{ record.sources[0].source | literal }},
    {{ record.sources[0].markets[0].split('/')[0] | literal }},
    {{ record.sources[0].markets[0].split('/')[1] | literal }},
    {{ record.sources[0].candle_interval | literal }},
    {{ record.removal.removed_from | warehouse_time | literal }},
    {{ record.removal.removed_until | warehouse_time | literal }},
    {{ record.removal.because | literal }}
)
