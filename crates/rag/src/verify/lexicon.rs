//! Words that turn a sentence round, in both languages.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::tokens::id_of;

/// Deny what stands behind them.
const NEGATORS: &str = "not no never without cannot nor neither nobody nothing none nowhere impossible unable не ни нет без нельзя никогда никто \
    ничто ничего никому никого никакой никакая никакого никаких никакие никаким никакой нигде никак отнюдь невозможно";

/// Between a word that denies and what it denies.
const LIGHT: &str = "be been being is are was were am have has had do does did can could will would shall should may might must \
    able so very any a an the yet ever even longer to at all of by its his her their this that these those быть был была было \
    были будет будут бы можно может могут мог могла могли уже еще даже все же столько так очень в состоянии способен способна способны удаться удалось следует требуется требовался нужно нужен нужна нужны надо необходимо стоит need needed require required necessary";

/// What a sentence may mean by a denial: where the passage has one, a denial in the statement is not made up.
const NEGATIVE: &str = "fail lack lacking absence absent refuse reject deny prevent avoid exclude except unless until only just merely \
    hardly rarely barely scarcely little few stop cease abandon free ban forbid prohibit ignore miss missing lose lost skip \
    instead rather off against omit unlike contrary differ different otherwise empty zero \
    отсутствовать отсутствует отсутствуют отсутствие отсутствии лишь только лишен лишена лишены лишиться кроме исключение \
    исключить исключая отказ отказаться отказался отказалась отвергать отвергнуть отклонить запретить запрещать запрещен \
    запрещено запрет прекратить прекратился прекращать перестать перестал вряд едва почти избегать избежать потерять потеря \
    терять пропасть пусто пустой вместо против наоборот напротив иначе отличие отличаться мало редко";

/// Pairs that say the opposite of each other.
const ANTONYMS: &str = "enable disable|enabled disabled|possible impossible|able unable|increase decrease|rise fall|rising falling|\
    grow shrink|gain lose|win lose|won lost|more less|more fewer|higher lower|high low|above below|maximum minimum|largest smallest|\
    larger smaller|longest shortest|oldest youngest|older younger|best worst|better worse|always never|allow forbid|allowed forbidden|\
    permit prohibit|accept reject|include exclude|succeed fail|success failure|open closed|start stop|true false|legal illegal|\
    legally illegally|public private|inside outside|early late|earlier later|earliest latest|before after|agree disagree|connect disconnect|\
    connected disconnected|likely unlikely|common uncommon|regular irregular|complete incomplete|correct incorrect|direct indirect|\
    dependent independent|formal informal|necessary unnecessary|known unknown|able unable|visible invisible|limited unlimited|\
    encrypted unencrypted|signed unsigned|authorized unauthorized|strong weak|stronger weaker|majority minority|many few|victory defeat|\
    add remove|lock unlock|up down|upper lower|input output|first last|eastern western|northern southern|import export|\
    включить выключить|включен выключен|включен отключен|включена отключена|включено отключено|включены отключены|включено выключено|\
    включить отключить|включает исключает|можно невозможно|возможно невозможно|возможный невозможный|можно нельзя|увеличить уменьшить|\
    увеличивать уменьшать|увеличение уменьшение|расти падать|рост падение|больше меньше|более менее|выше ниже|высокий низкий|\
    максимальный минимальный|максимум минимум|крупнейший мельчайший|старше младше|старший младший|лучший худший|лучше хуже|\
    всегда никогда|разрешить запретить|разрешен запрещен|разрешено запрещено|принять отклонить|успех неудача|открыть закрыть|\
    открыт закрыт|начать закончить|начало конец|законный незаконный|законно незаконно|внутри снаружи|раньше позже|до после|\
    выиграть проиграть|победа поражение|сильный слабый|большинство меньшинство|много мало|добавить удалить|повысить понизить|\
    повышение понижение|верхний нижний|первый последний|частный государственный|северный южный|восточный западный|ввод вывод|\
    согласен несогласен|зависимый независимый|полный неполный|известный неизвестный";

/// Words of this list are so often used for something else that they count only where the opposite stands in the passage.
const COMPARATIVES: &str = "more less fewer later earlier least most before after более менее меньше больше позднее позже раньше ранее";

/// A word and what it means the opposite of.
pub(super) struct Words {
    negators: HashSet<u32>,
    light: HashSet<u32>,
    negative: HashSet<u32>,
    comparatives: HashSet<u32>,
    opposites: HashMap<u32, HashSet<u32>>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let ids = |list: &str| -> HashSet<u32> { list.split_whitespace().filter_map(id_of).collect() };
    let mut opposites: HashMap<u32, HashSet<u32>> = HashMap::new();
    for pair in ANTONYMS.split('|') {
        let mut words = pair.split_whitespace().filter_map(id_of);
        if let (Some(a), Some(b)) = (words.next(), words.next())
            && a != b
        {
            opposites.entry(a).or_default().insert(b);
            opposites.entry(b).or_default().insert(a);
        }
    }
    Words {
        negators: ids(NEGATORS),
        light: ids(LIGHT),
        negative: ids(NEGATIVE),
        comparatives: ids(COMPARATIVES),
        opposites,
    }
});

/// Whether a word, folded, denies what follows it.
pub(super) fn denies(id: u32, folded: &str) -> bool {
    WORDS.negators.contains(&id) || folded.ends_with("n't")
}

pub(super) fn is_light(id: u32) -> bool {
    WORDS.light.contains(&id)
}

pub(super) fn is_negative(id: u32) -> bool {
    WORDS.negative.contains(&id)
}

pub(super) fn is_comparative(id: u32) -> bool {
    WORDS.comparatives.contains(&id)
}

pub(super) fn opposites(id: u32) -> Option<&'static HashSet<u32>> {
    WORDS.opposites.get(&id)
}
