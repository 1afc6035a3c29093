"""General vocabulary: words of everyday English (and the commonest of a few neighbours) in groups that mean alike."""


def word_set(text: str) -> frozenset[str]:
    """The words of `text`, which white space sets apart."""
    return frozenset(text.split())


STOP_WORDS = word_set(
    """a an and any are as at be been being but by can could did do does for from get give go had has have he her here
    him his how i if in into is it its it's just kindly let let's may me might my no not now of off on once or our
    out over own per please really she should so some such than thank thanks that that's the their them then there
    these they this those to too under up us very want was we were what what's when where which while who whom whose
    why will with would you your yes i'm i'd i've need like also about again both each every all one der die das den
    dem des ein eine einen und oder ist sind mir mich ich du wie was bitte von im auf für mit zu le la les un une des
    et ou est el los las una y o es en de que por para"""
)

_GROUPS = """
    calculate compute evaluate math maths arithmetic calculator expression equation formula calculation rechne
    multiply divide subtract plus minus times berechne ausrechnen calcula calcule percent percentage; convert
    conversion turn transform change umrechnen konvertiere convertir; time clock hour o'clock uhrzeit spät uhr heure
    hora datetime; zone timezone; analyse analyze analysis analyst; age old born birthday; day date today tomorrow
    yesterday calendar weekday; research search find look lookup retrieve discover locate seek suche finde busca
    cherche; knowledge document doc docs documentation manual guide handbook wiki dokumentation; explain answer
    question erkläre; chart plot graph draw visualise visualize visualization diagram figure histogram diagramm;
    summarise summarize summary recap digest condense overview tldr zusammenfassung fasse résume resume brief;
    aggregate summarize summarise group breakdown tally; average mean avg median; chart trend visual; total sum add;
    count many number amount often; maximum max highest largest biggest longest greatest top; minimum min lowest
    smallest shortest; data dataset table csv row record spreadsheet log parquet tsv; column field schema structure;
    source dataset file table; write draft compose author assemble prepare schreibe schreib verfasse écris rédige
    escribe redacta; create make produce generate build; report article document paper text essay bericht rapport
    informe notiz brief lettre carta; review critique assess feedback proofread score grade judge rate critic reviewer
    comment; suggestion feedback comment review improvement remark critique; revise improve edit rewrite correct
    polish amend revision rework refine editor; web website site url link internet online page webpage http; fetch
    download load visit browse; read open view content; translate translation übersetze language; unit measure
    measurement metric imperial; email mail send; picture image photo figure; list show display enumerate zeige liste;
    compare comparison difference versus contrast; current now present actual; book reserve order schedule; code
    program script function; price cost fee; person user customer client; revenue sales sale sold sell turnover amount
    proceeds takings; long length longest longer shortest shorter; long longest took takes taking duration seconds;
    high height tall highest; heavy weight heaviest; deep depth deepest; earn salary wage income pay paid earning
    gehalt; delete remove drop erase; weather forecast temperature; finding result fact evidence"""
GROUPS = tuple(_GROUPS.split(";"))
"""Words that mean alike, in groups; a word may stand in several."""

PLAIN_VERBS = word_set(
    """add analyse analyze arrange ask assemble assess book browse build buy calculate check choose classify clean
    collect combine compare compose compute confirm condense convert correct count create cut deduplicate define
    delete deliver describe detect determine discover download edit email estimate evaluate examine explain explore
    express extract fetch figure find fix forward gather generate get give have hand identify improve include inspect
    install investigate keep let locate look make measure merge move multiply notify obtain open organise organize
    paraphrase polish post predict prepare present print produce proofread propose provide publish put read recommend
    reformat remove rename render reply resolve retrieve return revise rewrite round run save say schedule see select
    send share shorten simplify solve split store submit subtract suggest summarise summarize take tell transcribe
    transform translate tidy turn use validate verify visit visualise visualize wait work write adapt apply attach
    divide draw expand format insert judge list learn berechne erkläre finde schreibe suche übersetze zeige"""
)
"""Words that open an imperative and are hardly ever nouns."""

ASKING = PLAIN_VERBS | word_set(
    "docs doc documentation documents knowledge base manual handbook guide citations cite according work works say "
    "says happen happens"
)
"""Words that ask of documents, and are not what is asked about."""

NOUN_VERBS = word_set(
    """average chart comment critique cost date design draft filter graph grade group highlight log mail map name note
    order outline plan plot query quote rank rate report research review score search show sketch sort sum table test
    time total update recap answer copy change display forecast import export process cite count"""
)
"""Words that open an imperative, and as often name a thing."""

WRITING = word_set("write draft compose author rewrite revise translate summarise summarize email mail send reply")
"""Verbs whose object is a text, even where a table lies beside it."""

COMMENTING = word_set("review check assess critique evaluate score proofread grade rate judge test")
"""Verbs that ask for a judgement on something."""

QUESTION_WORDS = word_set(
    """what what's which who who's whose when where why how is are was were does do did can could will would should wie
    was warum wann wo welche"""
)

DETERMINERS = word_set(
    """a an the this that these those my our your their its his her each every all both some any it them me us how what
    which who why when where whether if everything"""
)
