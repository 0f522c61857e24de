"""Which client can make which call, and by what name. `-` is a call that the library does not offer.

Rows are the exchange's operations of trading, portfolio, account and market data; columns are client libraries. The two
official Python libraries name their methods by the operations themselves (`=`). Operations of other desks (FCM members,
requests for quotes, perpetual futures) are no part of the practice exchange; NOT_PRACTISED counts them.

Rule of this file: a name that is not here is called by no test.
"""

from types import MappingProxyType

CLIENTS = (
    "kalshi-python-sync",
    "kalshi-python-async",
    "kalshi-typescript",
    "kalshi-sdk",
    "pykalshi",
    "pykalshi-client",
)

_TABLE = """
                                              kalshi-typescript            kalshi-sdk                                pykalshi                                  pykalshi-client

create_order_v2                               = OrdersApi                  orders.create_v2                          portfolio.place_order                     create_event_order
amend_order_v2                                = OrdersApi                  orders.amend_v2                           portfolio.amend_order                     amend_event_order
decrease_order_v2                             = OrdersApi                  orders.decrease_v2                        portfolio.decrease_order                  decrease_event_order
cancel_order_v2                               = OrdersApi                  orders.cancel_v2                          portfolio.cancel_order                    cancel_event_order
batch_create_orders_v2                        = OrdersApi                  orders.batch_create_v2                    portfolio.batch_place_orders              batch_create_event_orders
batch_cancel_orders_v2                        = OrdersApi                  orders.batch_cancel_v2                    portfolio.batch_cancel_orders             batch_cancel_event_orders
cancel_all_orders                             = OrdersApi                  orders.cancel_all_v2                      -                                         -
get_order                                     = OrdersApi                  orders.get                                portfolio.get_order                       get_order
get_orders                                    = OrdersApi                  orders.list                               portfolio.get_orders                      get_orders
get_order_queue_position                      = OrdersApi                  orders.queue_position                     portfolio.get_queue_position              get_order_queue_position
get_order_queue_positions                     = OrdersApi                  orders.queue_positions                    portfolio.get_queue_positions             get_queue_positions

create_order_group                            = OrderGroupsApi             order_groups.create                       portfolio.create_order_group              create_order_group
get_order_group                               = OrderGroupsApi             order_groups.get                          portfolio.get_order_group                 get_order_group
get_order_groups                              = OrderGroupsApi             order_groups.list                         portfolio.get_order_groups                get_order_groups
reset_order_group                             = OrderGroupsApi             order_groups.reset                        portfolio.reset_order_group               reset_order_group
trigger_order_group                           = OrderGroupsApi             order_groups.trigger                      portfolio.trigger_order_group             trigger_order_group
update_order_group_limit                      = OrderGroupsApi             order_groups.update_limit                 portfolio.update_order_group_limit        update_order_group_limit
delete_order_group                            = OrderGroupsApi             order_groups.delete                       -                                         delete_order_group

get_balance                                   = PortfolioApi               portfolio.balance                         portfolio.get_balance                     get_balance
get_positions                                 = PortfolioApi               portfolio.positions                       portfolio.get_positions                   get_positions
get_fills                                     = PortfolioApi               portfolio.fills                           portfolio.get_fills                       get_fills
get_settlements                               = PortfolioApi               portfolio.settlements                     portfolio.get_settlements                 get_settlements
get_deposits                                  = PortfolioApi               portfolio.deposits                        -                                         get_deposits
get_withdrawals                               = PortfolioApi               portfolio.withdrawals                     -                                         get_withdrawals
get_portfolio_resting_order_total_value       = PortfolioApi               portfolio.total_resting_order_value       portfolio.get_resting_order_value         -
create_subaccount                             = PortfolioApi               subaccounts.create                        portfolio.create_subaccount               -
apply_subaccount_transfer                     = PortfolioApi               subaccounts.transfer                      portfolio.transfer_between_subaccounts    -
get_subaccount_balances                       = PortfolioApi               subaccounts.list_balances                 portfolio.get_subaccount_balances         -
get_subaccount_transfers                      = PortfolioApi               subaccounts.list_transfers                portfolio.get_subaccount_transfers        -
get_subaccount_netting                        = PortfolioApi               subaccounts.get_netting                   portfolio.get_subaccount_netting          -
update_subaccount_netting                     = PortfolioApi               subaccounts.update_netting                portfolio.update_subaccount_netting       -
intra_exchange_instance_transfer              = PortfolioApi               -                                         -                                         -
get_intra_exchange_instance_transfer          = PortfolioApi               portfolio.get_intra_exchange_transfer     -                                         -
get_intra_exchange_instance_transfers         = PortfolioApi               portfolio.intra_exchange_transfers        -                                         -
get_target_balance_allocation                 = PortfolioApi               portfolio.target_balance_allocation       -                                         -
set_target_balance_allocation                 = PortfolioApi               portfolio.set_target_balance_allocation   -                                         -

get_account_api_limits                        = AccountApi                 account.limits                            api_keys.get_limits                       get_api_limits
get_account_endpoint_costs                    = AccountApi                 account.endpoint_costs                    -                                         get_endpoint_costs
get_account_api_usage_level_volume_progress   = AccountApi                 account.volume_progress                   -                                         -
upgrade_account_api_usage_level               = AccountApi                 account.upgrade                           -                                         -
get_api_keys                                  = ApiKeysApi                 api_keys.list                             api_keys.list                             get_api_keys
create_api_key                                = ApiKeysApi                 api_keys.create                           api_keys.create                           create_api_key
generate_api_key                              = ApiKeysApi                 api_keys.generate                         api_keys.generate                         generate_api_key
delete_api_key                                = ApiKeysApi                 api_keys.delete                           api_keys.delete                           delete_api_key

get_exchange_status                           = ExchangeApi                exchange.status                           exchange.get_status                       get_exchange_status
get_exchange_schedule                         = ExchangeApi                exchange.schedule                         exchange.get_schedule                     get_exchange_schedule
get_user_data_timestamp                       = ExchangeApi                exchange.user_data_timestamp              exchange.get_user_data_timestamp          get_user_data_timestamp
get_series_fee_changes                        = ExchangeApi                series.fee_changes                        -                                         get_fee_changes

get_market                                    = MarketApi                  markets.get                               get_market                                get_market
get_markets                                   = MarketApi                  markets.list                              get_markets                               get_markets
get_market_orderbook                          = MarketApi                  markets.orderbook                         Market.get_orderbook                      get_market_orderbook
get_market_orderbooks                         = MarketApi                  markets.bulk_orderbooks                   -                                         get_market_orderbooks
get_market_candlesticks                       = MarketApi                  markets.candlesticks                      Market.get_candlesticks                   get_market_candlesticks
batch_get_market_candlesticks                 = MarketApi                  markets.bulk_candlesticks                 get_candlesticks_batch                    get_batch_market_candlesticks
get_trades                                    = MarketApi                  markets.list_trades                       get_trades                                get_trades
get_series                                    = MarketApi                  series.get                                get_series                                get_series
get_series_list                               = MarketApi                  series.list                               get_all_series                            get_series_list

get_event                                     = EventsApi                  events.get                                get_event                                 get_event
get_events                                    = EventsApi                  events.list                               get_events                                get_events
get_event_metadata                            = EventsApi                  events.metadata                           -                                         get_event_metadata
get_event_fee_changes                         = EventsApi                  events.fee_changes                        -                                         get_event_fee_changes
get_market_candlesticks_by_event              = EventsApi                  series.event_candlesticks                 -                                         get_event_candlesticks
get_event_forecast_percentiles_history        = EventsApi                  series.forecast_percentile_history        -                                         get_forecast_percentile_history
get_multivariate_events                       = EventsApi                  events.list_multivariate                  get_multivariate_events                   get_multivariate_events

get_historical_cutoff                         = HistoricalApi              historical.cutoff                         history.get_cutoff                        get_historical_cutoff
get_historical_market                         = HistoricalApi              historical.market                         history.get_market                        get_historical_market
get_historical_markets                        = HistoricalApi              historical.markets                        history.get_markets                       get_historical_markets
get_market_candlesticks_historical            = HistoricalApi              historical.candlesticks                   history.get_candlesticks                  get_historical_market_candlesticks
get_fills_historical                          = HistoricalApi              historical.fills                          history.get_fills                         get_historical_fills
get_historical_orders                         = HistoricalApi              historical.orders                         history.get_orders                        get_historical_orders
get_historical_positions                      = HistoricalApi              historical.positions                      -                                         -
get_trades_historical                         = HistoricalApi              historical.trades                         history.get_trades                        get_historical_trades

get_event_live_data                           = LiveDataApi                live_data.get_event                       -                                         -
get_game_stats                                = LiveDataApi                live_data.game_stats                      -                                         get_game_stats
get_live_data                                 = LiveDataApi                live_data.get_typed                       -                                         get_live_data_legacy
get_live_data_by_milestone                    = LiveDataApi                live_data.get                             -                                         get_live_data
get_live_datas                                = LiveDataApi                live_data.batch                           -                                         get_live_data_batch
get_weather_index                             = LiveDataApi                live_data.weather                         -                                         -
get_weather_index_calibrations                = LiveDataApi                live_data.weather_calibrations            -                                         -
get_milestone                                 = MilestoneApi               milestones.get                            -                                         get_milestone
get_milestones                                = MilestoneApi               milestones.list                           -                                         get_milestones
get_structured_target                         = StructuredTargetsApi       structured_targets.get                    -                                         get_structured_target
get_structured_targets                        = StructuredTargetsApi       structured_targets.list                   -                                         get_structured_targets
get_incentive_programs                        = IncentiveProgramsApi       incentive_programs.list                   -                                         get_incentive_programs
get_filters_for_sports                        = SearchApi                  search.filters_by_sport                   -                                         get_filters_by_sport
get_tags_for_series_categories                = SearchApi                  search.tags_by_categories                 -                                         get_tags_by_categories
get_multivariate_event_collection             = MultivariateApi            multivariate_collections.get              get_mve_collection                        get_multivariate_event_collection
get_multivariate_event_collections            = MultivariateApi            multivariate_collections.list             get_mve_collections                       get_multivariate_event_collections
create_market_in_multivariate_event_collection = MultivariateApi           multivariate_collections.create_market    MveCollection.create_market               create_market_in_multivariate_event_collection
"""  # noqa: E501  (a table reads better wide)

REMOVED = MappingProxyType(
    {
        "create_order": {"pykalshi-client": "create_order"},
        "amend_order": {"pykalshi-client": "amend_order"},
        "decrease_order": {"pykalshi-client": "decrease_order"},
        "cancel_order": {"pykalshi-client": "cancel_order"},
        "batch_create_orders": {"pykalshi-client": "batch_create_orders"},
        "batch_cancel_orders": {"pykalshi-client": "batch_cancel_orders"},
        "get_exchange_announcements": {
            "kalshi-sdk": "exchange.announcements",
            "pykalshi-client": "get_exchange_announcements",
        },
    }
)
"""Operations that the exchange has taken away and that some library still calls: they are refused, 410 or 404."""

NOT_PRACTISED = MappingProxyType(
    {
        "kalshi-python-sync": ("CommunicationsApi", "FcmApi"),
        "kalshi-python-async": ("CommunicationsApi", "FcmApi"),
        "kalshi-typescript": ("CommunicationsApi", "FcmApi"),
        "kalshi-sdk": ("communications", "fcm", "perps", "fix"),
        "pykalshi": ("communications",),
        "pykalshi-client": ("communications",),
    }
)
"""The parts of each library whose operations the practice exchange does not have."""


def _camel(operation: str) -> str:
    first, *rest = operation.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _rows() -> dict[str, dict[str, str]]:
    rows: dict[str, dict[str, str]] = {}
    for line in _TABLE.strip().splitlines()[1:]:
        if not (words := line.replace("= ", "=").split()):
            continue
        operation, typescript, *others = words
        typescript = f"{typescript.removeprefix('=')}.{_camel(operation)}"
        names = dict(zip(CLIENTS, (operation, operation, typescript, *others), strict=True))
        rows[operation] = {client: name for client, name in names.items() if name != "-"}
    return rows


MATRIX: MappingProxyType[str, dict[str, str]] = MappingProxyType(_rows())
"""Operation -> client -> the call's name in that client; a client that cannot make the call is not in it."""
